// The Model Context Protocol: greeting, tools, calls.
// SPDX-License-Identifier: Apache-2.0
#include "session/mcp_client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "session/json_rpc_connection.h"

namespace abstractllm::session {
namespace {

using Json = nlohmann::ordered_json;
using Clock = McpTransport::Clock;
using std::chrono::milliseconds;

// Newest first; the first is asked for.
constexpr std::array<std::string_view, 3> kVersions{"2025-06-18", "2025-03-26",
                                                    "2024-11-05"};
// A server that pages for ever.
constexpr int kMaxPages = 1000;

// What stands in the place of content that a model cannot be given as text.
std::string content_text(const Json& part) {
  const std::string type = text_of(part, "type");
  if (type == "text") return text_of(part, "text");
  if (type == "resource_link") return text_of(part, "uri");
  if (type == "resource" && part.contains("resource")) {
    const Json& resource = part["resource"];
    const std::string text = text_of(resource, "text");
    return text.empty() ? text_of(resource, "uri") : text;
  }
  return fmt::format("[{} of type {}]", type.empty() ? "content" : type,
                     text_of(part, "mimeType"));
}

}  // namespace

struct McpClient::Impl : JsonRpcConnection {
  using JsonRpcConnection::JsonRpcConnection;
};

McpClient::McpClient(std::string name, std::unique_ptr<McpTransport> transport,
                     milliseconds timeout)
    : impl_(std::make_unique<Impl>(std::move(name), std::move(transport),
                                   timeout)) {
  const Json result = impl_->request(
      "initialize",
      {{"protocolVersion", kVersions.front()},
       {"capabilities", Json::object()},
       {"clientInfo", {{"name", "abstractllm"}, {"version", "0.1"}}}},
      Clock::now() + timeout, {});
  const std::string version = text_of(result, "protocolVersion");
  if (std::find(kVersions.begin(), kVersions.end(), version) ==
      kVersions.end()) {
    impl_->fail(
        fmt::format("speaks version '{}' of the protocol, known are "
                    "{}",
                    version.substr(0, 40), fmt::join(kVersions, ", ")));
  }
  impl_->set_protocol_version(version);
  impl_->notify("notifications/initialized");
}

McpClient::~McpClient() = default;

std::vector<ToolDefinition> McpClient::list_tools() {
  std::vector<ToolDefinition> tools;
  std::string cursor;
  for (int page = 0; page < kMaxPages; ++page) {
    Json parameters = Json::object();
    if (!cursor.empty()) parameters["cursor"] = cursor;
    const Json result =
        impl_->request("tools/list", std::move(parameters),
                       Clock::now() + impl_->timeout(), CancelToken());
    const auto list = result.find("tools");
    if (list == result.end() || !list->is_array()) {
      impl_->fail("gave no list of tools");
    }
    for (const Json& tool : *list) {
      const auto schema = tool.find("inputSchema");
      tools.push_back(
          {text_of(tool, "name"), text_of(tool, "description"),
           schema == tool.end() ? "{}" : JsonRpcConnection::dumped(*schema)});
    }
    cursor = text_of(result, "nextCursor");
    if (cursor.empty()) return tools;
  }
  impl_->fail(fmt::format("has more than {} pages of tools", kMaxPages));
}

bool McpClient::take_tools_changed() { return impl_->take_tools_changed(); }

McpClient::CallResult McpClient::call_tool(std::string_view tool,
                                           std::string_view arguments,
                                           const CancelToken& cancel) {
  // How long a tool may take is for its caller to say, by `cancel`.
  const Json result = impl_->request(
      "tools/call", {{"name", tool}, {"arguments", Json::parse(arguments)}},
      Clock::time_point::max(), cancel);
  CallResult call;
  if (const auto content = result.find("content");
      content != result.end() && content->is_array()) {
    for (const Json& part : *content) {
      if (!call.text.empty()) call.text += '\n';
      call.text += content_text(part);
    }
  }
  if (call.text.empty() && result.contains("structuredContent")) {
    call.text = JsonRpcConnection::dumped(result["structuredContent"]);
  }
  call.is_error = result.value("isError", Json(false)) == Json(true);
  return call;
}

}  // namespace abstractllm::session
