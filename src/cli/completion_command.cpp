// `allm completion`: completion scripts of shells.
// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/completion_script.h"

namespace abstractllm::cli {

void add_completion_command(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      app.add_subcommand("completion", "Print a completion script for a shell");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->type_name("bash|zsh|fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
  command->callback([&app, shell, &invocation] {
    invocation.run = [&app, shell, &invocation] {
      invocation.environment.out.write(*shell == "bash" ? bash_completion(app)
                                       : *shell == "zsh"
                                           ? zsh_completion(app)
                                           : fish_completion(app));
      return 0;
    };
  });
}

}  // namespace abstractllm::cli
