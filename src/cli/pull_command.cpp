// `allm pull`: lets a server fetch a model.
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

int pull(const ModelOptions& options, CliEnvironment& env) {
  const ModelAddress address = model_address(options.config.model, env);
  std::unique_ptr<ProgressBar> bar;
  if (env.err_is_terminal) {
    bar = std::make_unique<ProgressBar>(env.err, "fetching " + address.model,
                                        env.columns, env.color);
  }
  const CancelToken cancel;
  {
    Interrupts interrupts(Interrupts::Mode::kFilter);
    const Interrupts::Answer interruptible(cancel);
    env.models.pull(
        address.provider, address.model,
        connection_of(address.provider, options.config.connection, env),
        [&](const PullProgress& progress) {
          if (bar && progress.total > 0) {
            bar->update(static_cast<double>(progress.completed) /
                        static_cast<double>(progress.total));
          }
          return !cancel.cancelled();
        });
  }
  bar.reset();
  report_note(env.err, fmt::format("{} has the model {}", address.provider,
                                   one_line(address.model)));
  return 0;
}

}  // namespace

void add_pull_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("pull", "Let a server fetch a model");
  const auto options = std::make_shared<ModelOptions>();
  command
      ->add_option("MODEL", options->config.model,
                   "What to fetch and who, as ollama/MODEL")
      ->required()
      ->type_name("PROVIDER/MODEL");
  add_connection_options(*command, *options);
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return pull(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
