// The tools of an MCP server as tools of a session.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "abstractllm/error.h"
#include "abstractllm/tools.h"
#include "base/log.h"
#include "session/mcp_client.h"
#include "session/mcp_transport.h"
#include "text/json_schema.h"

namespace abstractllm {
namespace {

constexpr std::size_t kMaxNameLength = 64;

// A name that every service takes: theirs may have dots and slashes.
std::string tool_name(const std::string& prefix, const std::string& name) {
  std::string text = prefix.empty() ? name : prefix + "_" + name;
  for (char& c : text) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!good) c = '_';
  }
  text.resize(std::min(text.size(), kMaxNameLength));
  return text;
}

class McpTools : public ToolSource {
 public:
  McpTools(const McpServer& server, std::unique_ptr<session::McpTransport> to)
      : name_(server.url.empty() ? server.command.front() : server.url),
        prefix_(server.prefix),
        confirm_(server.needs_confirmation),
        client_(std::make_shared<session::McpClient>(name_, std::move(to),
                                                     server.timeout)),
        tools_(ask()) {}

  std::vector<Tool> tools() override {
    const std::lock_guard lock(mutex_);
    if (!client_->take_tools_changed()) return tools_;
    try {
      tools_ = ask();
    } catch (const Error& error) {
      // Calls of what is gone tell the model so.
      base::log(base::LogLevel::kWarning, "mcp", error.message());
    }
    return tools_;
  }

 private:
  std::vector<Tool> ask() {
    std::vector<Tool> tools;
    for (ToolDefinition& definition : client_->list_tools()) {
      Tool tool;
      tool.needs_confirmation = confirm_;
      tool.handler = [client = client_, name = definition.name](
                         std::string_view arguments,
                         const ToolContext& context) {
        auto result = client->call_tool(name, arguments, context.cancel);
        if (result.is_error) throw std::runtime_error(result.text);
        return std::move(result.text);
      };
      definition.name = tool_name(prefix_, definition.name);
      if (!is_usable(definition, tools)) continue;
      tool.definition = std::move(definition);
      tools.push_back(std::move(tool));
    }
    return tools;
  }

  // One tool that cannot be offered must not take the others with it.
  bool is_usable(const ToolDefinition& definition,
                 const std::vector<Tool>& before) const {
    std::string why;
    try {
      text::JsonSchema schema(definition.parameters);
    } catch (const InvalidRequestError& error) {
      why = error.message();
    }
    if (definition.name.empty()) why = "it has no name";
    for (const Tool& tool : before) {
      if (tool.definition.name == definition.name) {
        why = "another one has its name";
      }
    }
    if (why.empty()) return true;
    base::log(base::LogLevel::kWarning, "mcp",
              fmt::format("the tool '{}' of the server '{}' is left out: {}",
                          definition.name, name_, why));
    return false;
  }

  const std::string name_;
  const std::string prefix_;
  const bool confirm_;
  const std::shared_ptr<session::McpClient> client_;
  std::mutex mutex_;
  std::vector<Tool> tools_;  // mutex_
};

}  // namespace

std::shared_ptr<ToolSource> connect_mcp(const McpServer& server) {
  if (server.url.empty() == server.command.empty()) {
    throw InvalidRequestError("[mcp] exactly one of command and url is needed");
  }
  return std::make_shared<McpTools>(
      server,
      server.url.empty()
          ? session::make_stdio_transport({server.command, server.environment})
          : session::make_http_transport(server.url, server.headers,
                                         server.timeout));
}

}  // namespace abstractllm
