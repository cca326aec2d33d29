// From the words of a command line to tools.
// SPDX-License-Identifier: Apache-2.0
#include "cli/tool_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "abstractllm/error.h"
#include "cli/report.h"
#include "cli/text_input.h"
#include "config/configuration.h"
#include "session/child_process.h"

namespace abstractllm::cli {
namespace {

McpServer mcp_server(const std::string& text, const CliEnvironment& env) {
  const auto known =
      config::read_configuration(env.config_file, env.variable).mcp;
  if (const auto found = known.find(text); found != known.end()) {
    return found->second;
  }
  McpServer server;
  if (text.starts_with("http://") || text.starts_with("https://")) {
    server.url = text;
  } else {
    server.command = session::split_command(text);
    if (server.command.empty()) {
      throw InvalidRequestError("[mcp] the command is empty",
                                "--mcp \"program arguments\", or a URL.");
    }
  }
  // What a server of somebody else does is not known here.
  server.needs_confirmation = true;
  return server;
}

}  // namespace

void add_tool_options(CLI::App& app, ToolOptions& options) {
  const auto add = [&](const char* name, auto& value, const char* type,
                       const char* text) {
    return app.add_option(name, value, text)->type_name(type)->group("Tools");
  };
  add("--tool", options.tools, "NAME",
      "Let the model call a built-in tool: read_file, list_files, calculator "
      "or current_time; repeatable")
      ->allow_extra_args(false)
      ->check(CLI::IsMember(builtin_tool_names()).description(""));
  add("--tool-root", options.root, "DIR",
      "The folder that read_file and list_files see");
  add("--mcp", options.mcp, "SERVER",
      "Offer the tools of an MCP server: a command line, a URL, or a name of "
      "the configuration; repeatable")
      ->allow_extra_args(false);
  app.add_flag("--yes", options.yes,
               "Allow every tool call without asking (off)")
      ->group("Tools");
}

std::shared_ptr<ToolRegistry> make_tools(const ToolOptions& options,
                                         const CliEnvironment& env) {
  if (options.tools.empty() && options.mcp.empty()) return nullptr;
  auto registry = std::make_shared<ToolRegistry>();
  for (const std::string& name : options.tools) {
    registry->add(builtin_tool(name, {.root = options.root}));
  }
  for (const std::string& server : options.mcp) {
    registry->add_source(connect_mcp(mcp_server(server, env)));
  }
  registry->definitions();  // throws for a name that comes twice
  return registry;
}

void require_tools(AbstractLLMInterface& model) {
  if (model.capabilities().supports(ModelCapability::kTools)) return;
  throw UnsupportedFeatureError(
      fmt::format("[tools] '{}' of the provider {} calls no tools",
                  model.model(), model.provider()),
      "Leave --tool and --mcp out, or choose another model.");
}

ConfirmTool confirmation(const ToolOptions& options, CliEnvironment& env,
                         LineSource& lines) {
  if (options.yes) {
    return [](const ToolCall&) { return true; };
  }
  if (!env.in_is_terminal) return nullptr;
  return [&env, &lines](const ToolCall& call) {
    env.err.write(fmt::format("The model wants to call {} with {}\n",
                              one_line(call.name), one_line(call.arguments)));
    const Line line = lines.next("Allow it? [y/N] ");
    const std::string_view answer = trimmed(line.text);
    return line.kind == Line::Kind::kText &&
           (answer == "y" || answer == "Y" || answer == "yes");
  };
}

}  // namespace abstractllm::cli
