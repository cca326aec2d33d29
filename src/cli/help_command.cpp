// `allm help`: what --help says, as a command.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/help_text.h"
#include "cli/report.h"

namespace abstractllm::cli {
namespace {

const CLI::App& command_called(const CLI::App& app, const std::string& name) {
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return *command;
    known.push_back(command->get_name());
  }
  throw UsageError(fmt::format("unknown command '{}'", name),
                   suggestion(name, known));
}

}  // namespace

void add_help_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("help", "Say how a command is used");
  const auto name = std::make_shared<std::string>();
  command->add_option("COMMAND", *name, "The command; all of them without it")
      ->type_name("COMMAND");
  command->callback([&app, name, &invocation] {
    invocation.run = [&app, name, &invocation] {
      CliEnvironment& env = invocation.environment;
      env.out.write(help_text(name->empty() ? app : command_called(app, *name),
                              env.columns));
      return 0;
    };
  });
}

}  // namespace abstractllm::cli
