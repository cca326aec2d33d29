// Messages out, messages in, and who waits for which.
// SPDX-License-Identifier: Apache-2.0
#include "session/json_rpc_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"

namespace abstractllm::session {
namespace {

using std::chrono::milliseconds;
using Json = JsonRpcConnection::Json;

constexpr std::size_t kMaxErrorBytes = 500;
constexpr int kMethodNotFound = -32601;

}  // namespace

JsonRpcConnection::JsonRpcConnection(std::string server,
                                     std::unique_ptr<McpTransport> transport,
                                     milliseconds limit)
    : name_(std::move(server)),
      timeout_(limit),
      transport_(std::move(transport)) {
  transport_->open([this](std::string_view text) { receive(text); });
}

// Nothing is received after the transport has gone.
JsonRpcConnection::~JsonRpcConnection() { transport_.reset(); }

bool JsonRpcConnection::take_tools_changed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(tools_changed_, false);
}

void JsonRpcConnection::set_protocol_version(std::string version) {
  transport_->set_protocol_version(std::move(version));
}

void JsonRpcConnection::fail(std::string_view what) const {
  throw ProviderAPIError(fmt::format("[mcp] the server '{}' {}", name_, what));
}

void JsonRpcConnection::fail_closed() const {
  const std::string words = transport_->last_words();
  throw ProviderConnectionError(
      fmt::format("[mcp] the server '{}' has ended{}{}", name_,
                  words.empty() ? "" : ": ", words),
      "Run its command by itself to see why.");
}

void JsonRpcConnection::receive(std::string_view text) {
  if (text.empty()) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    return;
  }
  const Json json = Json::parse(text, nullptr, false);
  // Version 2025-03-26 had batches.
  if (json.is_array()) {
    for (const Json& each : json) take(each);
  } else {
    take(json);
  }
}

void JsonRpcConnection::take(const Json& json) {
  if (!json.is_object()) {
    // Servers that print to their standard output by mistake.
    base::log(base::LogLevel::kWarning, "mcp",
              fmt::format("the server '{}' sent what is no message", name_));
    return;
  }
  const std::string method = text_of(json, "method");
  const auto id = json.find("id");
  if (method.empty()) {
    if (id != json.end() && id->is_number_integer()) {
      const std::lock_guard lock(mutex_);
      const auto waiting = answers_.find(id->get<std::int64_t>());
      if (waiting != answers_.end()) waiting->second = json;
      changed_.notify_all();
    }
  } else if (id != json.end() && !id->is_null()) {
    answer_server(*id, method);
  } else if (method == "notifications/tools/list_changed") {
    const std::lock_guard lock(mutex_);
    tools_changed_ = true;
  }
}

void JsonRpcConnection::answer_server(const Json& id,
                                      const std::string& method) {
  Json answer = {{"jsonrpc", "2.0"}, {"id", id}};
  if (method == "ping") {
    answer["result"] = Json::object();
  } else {
    answer["error"] = {{"code", kMethodNotFound},
                       {"message", "the client has no " + method}};
  }
  try {
    transport_->send(dumped(answer), Clock::now() + timeout_, {},
                     [] { return true; });
  } catch (const Error& error) {
    base::log(base::LogLevel::kWarning, "mcp", error.message());
  }
}

std::string JsonRpcConnection::dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void JsonRpcConnection::notify(const char* method, Json parameters) {
  const Json message = {{"jsonrpc", "2.0"},
                        {"method", method},
                        {"params", std::move(parameters)}};
  transport_->send(dumped(message), Clock::now() + timeout_, {},
                   [] { return true; });
}

Json JsonRpcConnection::request(const char* method, Json parameters,
                                Clock::time_point deadline,
                                const CancelToken& cancel) {
  const std::int64_t id = begin();
  const struct End {
    JsonRpcConnection& connection;
    std::int64_t id;
    ~End() {
      const std::lock_guard lock(connection.mutex_);
      connection.answers_.erase(id);
    }
  } end{*this, id};
  const Json message = {{"jsonrpc", "2.0"},
                        {"id", id},
                        {"method", method},
                        {"params", std::move(parameters)}};
  try {
    transport_->send(dumped(message), deadline, cancel,
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

std::int64_t JsonRpcConnection::begin() {
  const std::lock_guard lock(mutex_);
  answers_[++last_id_] = std::nullopt;
  return last_id_;
}

bool JsonRpcConnection::is_answered(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  return answers_.at(id).has_value();
}

bool JsonRpcConnection::is_closed() {
  std::unique_lock lock(mutex_);
  // The reader hears of the end a moment after the writer.
  return changed_.wait_for(lock, milliseconds(200), [&] { return closed_; });
}

Json JsonRpcConnection::wait(std::int64_t id, const char* method,
                             Clock::time_point deadline,
                             const CancelToken& cancel) {
  std::unique_lock lock(mutex_);
  while (!answers_.at(id)) {
    if (closed_) {
      lock.unlock();
      fail_closed();
    }
    if (cancel.cancelled()) {
      throw CancelledError(fmt::format("[mcp] {} was cancelled", method));
    }
    if (Clock::now() >= deadline) {
      throw RequestTimeoutError(
          fmt::format("[mcp] the server '{}' did not answer {} within {} ms",
                      name_, method, timeout_.count()));
    }
    changed_.wait_for(lock, milliseconds(10));
  }
  return std::move(*answers_.at(id));
}

Json JsonRpcConnection::result_of(const char* method, Json answer) const {
  if (const auto error = answer.find("error"); error != answer.end()) {
    std::string message = text_of(*error, "message");
    message.resize(std::min(message.size(), kMaxErrorBytes));
    fail(fmt::format("refused {}: {}", method, message));
  }
  if (!answer.contains("result") || !answer["result"].is_object()) {
    fail(fmt::format("answered {} without a result", method));
  }
  return std::move(answer["result"]);
}

void JsonRpcConnection::give_up(std::int64_t id, const char* reason) {
  try {
    notify("notifications/cancelled", {{"requestId", id}, {"reason", reason}});
  } catch (const Error& error) {
    base::log(base::LogLevel::kWarning, "mcp", error.message());
  }
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>()
                                                   : std::string();
}

}  // namespace abstractllm::session
