// `--help`, laid out for the width of the terminal.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace abstractllm::cli {

/// Usage line, description, arguments, options by group, commands. `app` is a
/// command line with or without a parent; `columns` at least 40.
std::string help_text(const CLI::App& app, int columns);

/// "allm", "allm run", ...
std::string command_path(const CLI::App& app);

}  // namespace abstractllm::cli
