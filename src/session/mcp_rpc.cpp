// The waiting room of requests, and the answers to a server's own.
// SPDX-License-Identifier: Apache-2.0
#include "session/mcp_rpc.h"

#include <fmt/format.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "abstractllm/error.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/utf8.h"

namespace abstractllm::session {
namespace {

using Json = McpRpc::Json;
using Clock = McpRpc::Clock;
using std::chrono::milliseconds;

constexpr std::size_t kMaxErrorBytes = 500;
constexpr int kMethodNotFound = -32601;

}  // namespace

struct McpRpc::Impl {
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
    Json json = base::parse_json(text);
    if (json.is_discarded() && !base::is_valid_utf8(text)) {
      // Tools pass on files in other encodings; an answer is worth having.
      json = base::parse_json(base::replace_invalid_utf8(text));
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
      wire.send(dump(answer), Clock::now() + timeout, {}, [] { return true; });
    } catch (const Error& error) {
      base::log(base::LogLevel::kWarning, "mcp", error.message());
    }
  }

  void notify(const char* method, const Json& parameters) {
    const Json message = {
        {"jsonrpc", "2.0"}, {"method", method}, {"params", parameters}};
    wire.send(dump(message), Clock::now() + timeout, {}, [] { return true; });
  }

  // The result of `method`.
  Json request(const char* method, const Json& parameters,
               Clock::time_point deadline, const CancelToken& cancel) {
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
                          {"params", parameters}};
    try {
      wire.send(dump(message), deadline, cancel,
                [this, id] { return is_answered(id); });
      return result_of(method, wait(id, method, deadline, cancel));
    } catch (const RequestTimeoutError&) {
      give_up(id, "timeout");
      throw;
    } catch (const CancelledError&) {
      give_up(id, "cancelled");
      throw;
    } catch (const McpSessionLost&) {
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

std::string McpRpc::text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
}

std::string McpRpc::dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

McpRpc::McpRpc(std::string server, std::unique_ptr<McpTransport> transport,
               milliseconds timeout)
    : impl_(std::make_unique<Impl>(std::move(server), std::move(transport),
                                   timeout)) {}

McpRpc::~McpRpc() = default;

McpRpc::Json McpRpc::request(const char* method, const Json& parameters,
                             Clock::time_point deadline,
                             const CancelToken& cancel) {
  return impl_->request(method, parameters, deadline, cancel);
}

void McpRpc::notify(const char* method, const Json& parameters) {
  impl_->notify(method, parameters);
}

void McpRpc::set_protocol_version(const std::string& version) {
  impl_->wire.set_protocol_version(version);
}

bool McpRpc::take_tools_changed() {
  const std::lock_guard lock(impl_->mutex);
  return std::exchange(impl_->tools_changed, false);
}

void McpRpc::fail(std::string_view what) const { impl_->fail(what); }

}  // namespace abstractllm::session
