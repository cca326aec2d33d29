// The introduction to a server, its tools and their calls.
// SPDX-License-Identifier: Apache-2.0
#include "session/mcp_client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "session/mcp_rpc.h"

namespace abstractllm::session {
namespace {

using Json = McpRpc::Json;
using Clock = McpRpc::Clock;
using std::chrono::milliseconds;

// Newest first; the first is asked for.
constexpr std::array<std::string_view, 3> kVersions{"2025-06-18", "2025-03-26",
                                                    "2024-11-05"};
// A server that pages for ever.
constexpr int kMaxPages = 1000;

std::string text_of(const Json& json, const char* key) {
  return McpRpc::text_of(json, key);
}

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

struct McpClient::Impl {
  Impl(std::string server, std::unique_ptr<McpTransport> transport,
       milliseconds limit)
      : timeout(limit), rpc(std::move(server), std::move(transport), limit) {}

  void introduce(const CancelToken& cancel) {
    const Json result = rpc.request(
        "initialize",
        {{"protocolVersion", kVersions.front()},
         {"capabilities", Json::object()},
         {"clientInfo", {{"name", "abstractllm"}, {"version", "0.1"}}}},
        Clock::now() + timeout, cancel);
    const std::string version = text_of(result, "protocolVersion");
    if (std::find(kVersions.begin(), kVersions.end(), version) ==
        kVersions.end()) {
      rpc.fail(fmt::format("speaks version '{}' of the protocol, known are {}",
                           base::truncate_utf8(version, 40),
                           fmt::join(kVersions, ", ")));
    }
    rpc.set_protocol_version(version);
    rpc.notify("notifications/initialized", Json::object());
    ++introductions;
  }

  // A server that was started anew, or lets sessions go, has forgotten us: it
  // has done nothing with the request, which is asked once more.
  Json request(const char* method, const Json& parameters,
               Clock::time_point deadline, const CancelToken& cancel) {
    int before = 0;
    {
      const std::lock_guard lock(mutex);
      before = introductions;
    }
    try {
      return rpc.request(method, parameters, deadline, cancel);
    } catch (const McpSessionLost&) {
      const std::lock_guard lock(mutex);
      if (introductions == before) introduce(cancel);
    }
    return rpc.request(method, parameters, deadline, cancel);
  }

  const milliseconds timeout;
  McpRpc rpc;
  std::mutex mutex;       // held while a server is introduced to
  int introductions = 0;  // mutex
};

McpClient::McpClient(std::string name, std::unique_ptr<McpTransport> transport,
                     milliseconds timeout)
    : impl_(std::make_unique<Impl>(std::move(name), std::move(transport),
                                   timeout)) {
  impl_->introduce({});
}

McpClient::~McpClient() = default;

std::vector<ToolDefinition> McpClient::list_tools() {
  std::vector<ToolDefinition> tools;
  std::string cursor;
  for (int page = 0; page < kMaxPages; ++page) {
    Json parameters = Json::object();
    if (!cursor.empty()) parameters["cursor"] = cursor;
    const Json result = impl_->request(
        "tools/list", parameters, Clock::now() + impl_->timeout, CancelToken());
    const auto list = result.find("tools");
    if (list == result.end() || !list->is_array()) {
      impl_->rpc.fail("gave no list of tools");
    }
    for (const Json& tool : *list) {
      const auto schema = tool.find("inputSchema");
      tools.push_back({text_of(tool, "name"), text_of(tool, "description"),
                       schema == tool.end() ? "{}" : McpRpc::dump(*schema)});
    }
    cursor = text_of(result, "nextCursor");
    if (cursor.empty()) return tools;
  }
  impl_->rpc.fail(fmt::format("has more than {} pages of tools", kMaxPages));
}

bool McpClient::take_tools_changed() { return impl_->rpc.take_tools_changed(); }

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
    call.text = McpRpc::dump(result["structuredContent"]);
  }
  call.is_error = result.value("isError", Json(false)) == Json(true);
  return call;
}

}  // namespace abstractllm::session
