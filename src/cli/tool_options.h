// The tools that a chat offers its model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "abstractllm/tools.h"
#include "cli/cli.h"

namespace CLI {
class App;
}

namespace abstractllm::cli {

struct ToolOptions {
  std::vector<std::string> tools;
  std::string root;
  std::vector<std::string> mcp;
  bool yes = false;
};

void add_tool_options(CLI::App& app, ToolOptions& options);

/// Null if none are asked for. Starts the MCP servers. Throws what
/// builtin_tool and connect_mcp throw.
std::shared_ptr<ToolRegistry> make_tools(const ToolOptions& options,
                                         const CliEnvironment& env);

/// Throws UnsupportedFeatureError if the model calls none.
void require_tools(AbstractLLMInterface& model);

/// Asks the person at the terminal, by `lines`; without one everything that
/// needs asking is refused, except with --yes.
ConfirmTool confirmation(const ToolOptions& options, CliEnvironment& env,
                         LineSource& lines);

}  // namespace abstractllm::cli
