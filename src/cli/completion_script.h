// Completion scripts of shells, made from the command line's own definition.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace abstractllm::cli {

/// Each completes subcommands, options, the choices of an option ("a|b" as its
/// value), files where a FILE is wanted and models where a MODEL is.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);
std::string fish_completion(const CLI::App& app);

}  // namespace abstractllm::cli
