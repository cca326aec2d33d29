// `allm rm`: takes a model off this machine.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "abstractllm/error.h"
#include "cli/commands.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

struct RmOptions {
  std::string model;
  bool yes = false;
};

// One line of an answer, without its end.
std::string read_answer(Input& in) {
  std::string line;
  char byte = 0;
  while (line.size() < 100 && in.read(&byte, 1) == 1 && byte != '\n') {
    line += byte;
  }
  return line;
}

bool is_confirmed(const ModelRemoval& removal, CliEnvironment& env) {
  if (!env.in_is_terminal || !env.err_is_terminal) {
    throw InvalidRequestError(
        fmt::format("[rm] {} is not removed without a yes",
                    one_line(removal.id)),
        "Nobody can be asked here; --yes says it.");
  }
  for (const std::string& path : removal.paths) {
    env.err.write(one_line(path) + "\n");
  }
  env.err.write(fmt::format("Remove {}, {:.1f} MB? [y/N] ",
                            one_line(removal.id),
                            static_cast<double>(removal.bytes) / 1e6));
  const std::string answer = read_answer(env.in);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int remove(const RmOptions& options, CliEnvironment& env) {
  const ModelRemoval removal = env.models.plan_removal(options.model);
  if (!options.yes && !is_confirmed(removal, env)) {
    report_note(env.err, "nothing was removed");
    return 1;
  }
  env.models.remove(removal);
  report_note(env.err, fmt::format("removed {}, {:.1f} MB", removal.id,
                                   static_cast<double>(removal.bytes) / 1e6));
  return 0;
}

}  // namespace

void add_rm_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("rm", "Remove a model from this machine");
  const auto options = std::make_shared<RmOptions>();
  command
      ->add_option("MODEL", options->model,
                   "A model of 'allm list'; with @REVISION one snapshot of it")
      ->required()
      ->type_name("MODEL");
  command->add_flag("--yes", options->yes, "Do not ask");
  command->footer(
      "What LM Studio and Ollama keep is theirs to remove, and so are files "
      "that were named by their path.");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return remove(*options, invocation.environment);
    };
  });
}

}  // namespace abstractllm::cli
