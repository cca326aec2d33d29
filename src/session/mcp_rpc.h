// JSON-RPC 2.0 as the Model Context Protocol uses it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "session/mcp_transport.h"

namespace abstractllm::session {

/// Requests with their answers, and what a server says unasked: its pings are
/// answered, its other requests refused. Thread-safe: requests may overlap.
/// Errors name the server.
class McpRpc {
 public:
  using Json = nlohmann::ordered_json;
  using Clock = McpTransport::Clock;

  /// `timeout`: of what the server does not wait for.
  McpRpc(std::string server, std::unique_ptr<McpTransport> transport,
         std::chrono::milliseconds timeout);
  ~McpRpc();

  /// The result of `method`, an object. Throws ProviderConnectionError,
  /// McpSessionLost, RequestTimeoutError and CancelledError, of which the
  /// server is told, and ProviderAPIError for what the server refuses.
  Json request(const char* method, const Json& parameters,
               Clock::time_point deadline, const CancelToken& cancel);
  void notify(const char* method, const Json& parameters);
  void set_protocol_version(const std::string& version);
  /// True once after the server said that its tools have changed.
  bool take_tools_changed();

  /// A string member of `json`, empty if there is none, and JSON as text.
  static std::string text_of(const Json& json, const char* key);
  static std::string dump(const Json& json);

  /// Throws ProviderAPIError: "the server 'name' WHAT".
  [[noreturn]] void fail(std::string_view what) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace abstractllm::session
