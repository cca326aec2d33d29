// Requests with their answers, and what a server says unasked.
// SPDX-License-Identifier: Apache-2.0
#include "session/mcp_client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"
#include "base/utf8.h"

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
constexpr std::size_t kMaxErrorBytes = 500;
constexpr int kMethodNotFound = -32601;

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
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
  Impl(std::string server, std::unique_ptr<McpTransport> carrier,
       milliseconds limit)
      : name(std::move(server)),
        timeout(limit),
        wire(*carrier),
        owned(std::move(carrier)) {
    wire.open([this](std::string_view text) { receive(text); });
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw ProviderAPIError(fmt::format("[mcp] the server '{}' {}", name, what));
  }

  [[noreturn]] void fail_closed() const {
    const std::string words = wire.last_words();
    throw ProviderConnectionError(
        fmt::format("[mcp] the server '{}' has ended{}{}", name,
                    words.empty() ? "" : ": ", words),
        "Run its command by itself to see why.");
  }

  void receive(std::string_view text) {
    if (text.empty()) {
      const std::lock_guard lock(mutex);
      closed = true;
      changed.notify_all();
      return;
    }
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() && !base::is_valid_utf8(text)) {
      // Tools pass on files in other encodings; an answer is worth having.
      json = Json::parse(base::replace_invalid_utf8(text), nullptr, false);
    }
    // Version 2025-03-26 had batches.
    if (json.is_array()) {
      for (const Json& each : json) take(each);
    } else {
      take(json);
    }
  }

  void take(const Json& json) {
    if (!json.is_object()) {
      // Servers that print to their standard output by mistake.
      base::log(base::LogLevel::kWarning, "mcp",
                fmt::format("the server '{}' sent what is no message", name));
      return;
    }
    const std::string method = text_of(json, "method");
    const auto id = json.find("id");
    if (method.empty()) {
      if (id != json.end() && id->is_number_integer()) {
        const std::lock_guard lock(mutex);
        const auto waiting = answers.find(id->get<std::int64_t>());
        if (waiting != answers.end()) waiting->second = json;
        changed.notify_all();
      }
    } else if (id != json.end() && !id->is_null()) {
      answer_server(*id, method);
    } else if (method == "notifications/tools/list_changed") {
      const std::lock_guard lock(mutex);
      tools_changed = true;
    }
  }

  void answer_server(const Json& id, const std::string& method) {
    Json answer = {{"jsonrpc", "2.0"}, {"id", id}};
    if (method == "ping") {
      answer["result"] = Json::object();
    } else {
      answer["error"] = {{"code", kMethodNotFound},
                         {"message", "the client has no " + method}};
    }
    try {
      wire.send(dumped(answer), Clock::now() + timeout, {},
                [] { return true; });
    } catch (const Error& error) {
      base::log(base::LogLevel::kWarning, "mcp", error.message());
    }
  }

  static std::string dumped(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  void notify(const char* method, Json parameters = Json::object()) {
    const Json message = {{"jsonrpc", "2.0"},
                          {"method", method},
                          {"params", std::move(parameters)}};
    wire.send(dumped(message), Clock::now() + timeout, {}, [] { return true; });
  }

  // The result of `method`.
  Json request(const char* method, Json parameters, Clock::time_point deadline,
               const CancelToken& cancel) {
    const std::int64_t id = begin();
    const struct End {
      Impl& impl;
      std::int64_t id;
      ~End() {
        const std::lock_guard lock(impl.mutex);
        impl.answers.erase(id);
      }
    } end{*this, id};
    const Json message = {{"jsonrpc", "2.0"},
                          {"id", id},
                          {"method", method},
                          {"params", std::move(parameters)}};
    try {
      wire.send(dumped(message), deadline, cancel,
                [this, id] { return is_answered(id); });
      return result_of(method, wait(id, method, deadline, cancel));
    } catch (const RequestTimeoutError&) {
      give_up(id, "timeout");
      throw;
    } catch (const CancelledError&) {
      give_up(id, "cancelled");
      throw;
    } catch (const ProviderConnectionError&) {
      // Its last words say more than a broken pipe.
      if (is_closed()) fail_closed();
      throw;
    }
  }

  std::int64_t begin() {
    const std::lock_guard lock(mutex);
    answers[++last_id] = std::nullopt;
    return last_id;
  }

  bool is_answered(std::int64_t id) {
    const std::lock_guard lock(mutex);
    return answers.at(id).has_value();
  }

  bool is_closed() {
    std::unique_lock lock(mutex);
    // The reader hears of the end a moment after the writer.
    return changed.wait_for(lock, milliseconds(200), [&] { return closed; });
  }

  Json wait(std::int64_t id, const char* method, Clock::time_point deadline,
            const CancelToken& cancel) {
    std::unique_lock lock(mutex);
    while (!answers.at(id)) {
      if (closed) {
        lock.unlock();
        fail_closed();
      }
      if (cancel.cancelled()) {
        throw CancelledError(fmt::format("[mcp] {} was cancelled", method));
      }
      if (Clock::now() >= deadline) {
        throw RequestTimeoutError(
            fmt::format("[mcp] the server '{}' did not answer {} within {} ms",
                        name, method, timeout.count()));
      }
      changed.wait_for(lock, milliseconds(10));
    }
    return std::move(*answers.at(id));
  }

  Json result_of(const char* method, Json answer) const {
    if (const auto error = answer.find("error"); error != answer.end()) {
      fail(fmt::format(
          "refused {}: {}", method,
          base::truncate_utf8(text_of(*error, "message"), kMaxErrorBytes)));
    }
    if (!answer.contains("result") || !answer["result"].is_object()) {
      fail(fmt::format("answered {} without a result", method));
    }
    return std::move(answer["result"]);
  }

  void give_up(std::int64_t id, const char* reason) {
    try {
      notify("notifications/cancelled",
             {{"requestId", id}, {"reason", reason}});
    } catch (const Error& error) {
      base::log(base::LogLevel::kWarning, "mcp", error.message());
    }
  }

  const std::string name;
  const milliseconds timeout;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::int64_t, std::optional<Json>> answers;  // mutex
  std::int64_t last_id = 0;                             // mutex
  bool closed = false;                                  // mutex
  bool tools_changed = false;                           // mutex
  // While `owned` goes, messages may still come and be answered by `wire`: a
  // unique_ptr is null by then. The last member, so that all others are there.
  McpTransport& wire;
  std::unique_ptr<McpTransport> owned;
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
    impl_->fail(fmt::format(
        "speaks version '{}' of the protocol, known are "
        "{}",
        base::truncate_utf8(version, 40), fmt::join(kVersions, ", ")));
  }
  impl_->wire.set_protocol_version(version);
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
                       Clock::now() + impl_->timeout, CancelToken());
    const auto list = result.find("tools");
    if (list == result.end() || !list->is_array()) {
      impl_->fail("gave no list of tools");
    }
    for (const Json& tool : *list) {
      const auto schema = tool.find("inputSchema");
      tools.push_back({text_of(tool, "name"), text_of(tool, "description"),
                       schema == tool.end() ? "{}" : Impl::dumped(*schema)});
    }
    cursor = text_of(result, "nextCursor");
    if (cursor.empty()) return tools;
  }
  impl_->fail(fmt::format("has more than {} pages of tools", kMaxPages));
}

bool McpClient::take_tools_changed() {
  const std::lock_guard lock(impl_->mutex);
  return std::exchange(impl_->tools_changed, false);
}

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
    call.text = Impl::dumped(result["structuredContent"]);
  }
  call.is_error = result.value("isError", Json(false)) == Json(true);
  return call;
}

}  // namespace abstractllm::session
