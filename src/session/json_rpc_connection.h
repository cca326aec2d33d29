// Requests to a server of JSON-RPC, and what it says unasked.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "abstractllm/cancel.h"
#include "session/mcp_transport.h"

namespace abstractllm::session {

/// One server, over a transport that it owns. Thread-safe: requests may
/// overlap.
class JsonRpcConnection {
 public:
  using Json = nlohmann::ordered_json;
  using Clock = McpTransport::Clock;

  /// `limit`: for what is sent without an answer of its own.
  JsonRpcConnection(std::string server, std::unique_ptr<McpTransport> transport,
                    std::chrono::milliseconds limit);
  ~JsonRpcConnection();

  /// The result of `method`. Throws ProviderAPIError for an error of the
  /// server, ProviderConnectionError, RequestTimeoutError and CancelledError;
  /// for the last two the server is told.
  Json request(const char* method, Json parameters, Clock::time_point deadline,
               const CancelToken& cancel);
  void notify(const char* method, Json parameters = Json::object());

  /// Whether it has said so since the last call.
  bool take_tools_changed();
  void set_protocol_version(std::string version);
  std::chrono::milliseconds timeout() const { return timeout_; }

  /// Throws ProviderAPIError: the server `what`.
  [[noreturn]] void fail(std::string_view what) const;

  static std::string dumped(const Json& json);

 private:
  [[noreturn]] void fail_closed() const;
  void receive(std::string_view text);
  void take(const Json& json);
  void answer_server(const Json& id, const std::string& method);
  std::int64_t begin();
  bool is_answered(std::int64_t id);
  bool is_closed();
  Json wait(std::int64_t id, const char* method, Clock::time_point deadline,
            const CancelToken& cancel);
  Json result_of(const char* method, Json answer) const;
  void give_up(std::int64_t id, const char* reason);

  const std::string name_;
  const std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, std::optional<Json>> answers_;  // mutex_
  std::int64_t last_id_ = 0;                             // mutex_
  bool closed_ = false;                                  // mutex_
  bool tools_changed_ = false;                           // mutex_
  std::unique_ptr<McpTransport> transport_;
};

/// The member as text; empty where it is no string.
std::string text_of(const nlohmann::ordered_json& json, const char* key);

}  // namespace abstractllm::session
