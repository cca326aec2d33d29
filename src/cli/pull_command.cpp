// `allm pull`: fetches a model onto this machine, or lets a server do it.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "abstractllm/error.h"
#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

// What a download tells: a bar on a terminal, else a line a file.
class PullView {
 public:
  PullView(CliEnvironment& env, const std::string& model)
      : env_(env), model_(model) {
    if (env.err_is_terminal) {
      bar_ = std::make_unique<ProgressBar>(env.err, "fetching " + model,
                                           env.columns, env.color);
    }
  }

  void show(const PullProgress& progress) {
    if (!progress.path.empty()) path_ = progress.path;
    if (bar_) {
      if (progress.total > 0) {
        bar_->update(static_cast<double>(progress.completed) /
                     static_cast<double>(progress.total));
      }
      return;
    }
    if (!is_begun_ && progress.total > 0) {
      is_begun_ = true;
      report_note(env_.err,
                  fmt::format("fetching {}, {:.1f} MB", one_line(model_),
                              static_cast<double>(progress.total) / 1e6));
    }
    if (!progress.file.empty()) {
      report_note(env_.err, "fetched " + one_line(progress.file));
    }
  }

  /// Wipes the bar. Where the model lies; empty: elsewhere.
  std::string finish() {
    bar_.reset();
    return path_;
  }

 private:
  CliEnvironment& env_;
  const std::string model_;
  std::unique_ptr<ProgressBar> bar_;
  bool is_begun_ = false;
  std::string path_;
};

int pull(const ModelOptions& options, CliEnvironment& env) {
  const ModelAddress address = model_address(options.config.model, env);
  PullView view(env, address.model);
  const CancelToken cancel;
  try {
    Interrupts interrupts(Interrupts::Mode::kFilter);
    const Interrupts::Answer interruptible(cancel);
    env.models.pull(
        address.provider, address.model,
        connection_of(address.provider, options.config.connection, env),
        [&](const PullProgress& progress) {
          view.show(progress);
          return !cancel.cancelled();
        });
  } catch (const UnsupportedOperationError& error) {
    // "openai/gpt-oss-20b" is a provider's model and a hub's repository.
    if (address.provider == "mlx") throw;
    view.finish();
    throw UnsupportedOperationError(
        error.message(),
        fmt::format("If {0} is a repository of the hub: allm pull hf:{0}",
                    one_line(options.config.model)),
        error.provider());
  }
  const std::string path = view.finish();
  report_note(env.err,
              path.empty()
                  ? fmt::format("{} has the model {}", address.provider,
                                one_line(address.model))
                  : fmt::format("{} is in {}", one_line(address.model), path));
  return 0;
}

}  // namespace

void add_pull_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand(
      "pull", "Fetch a model from a hub, or let a server fetch it");
  const auto options = std::make_shared<ModelOptions>();
  command
      ->add_option("MODEL", options->config.model,
                   "What to fetch: ORG/NAME[@REVISION][:FILES] of the hub, "
                   "FILES a glob or the name of a quantisation (hf:ORG/NAME "
                   "where ORG is a provider too), or ollama/MODEL")
      ->required()
      ->type_name("MODEL");
  add_connection_options(*command, *options);
  command->footer(
      "Files go into the cache that Hugging Face's tools share. Ctrl-C leaves "
      "a "
      "download, and pulling again goes on with it. HF_ENDPOINT, HF_TOKEN, "
      "HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE are heeded.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return pull(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
