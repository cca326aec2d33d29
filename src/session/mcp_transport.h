// How messages reach an MCP server and come back.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "abstractllm/cancel.h"
#include "abstractllm/error.h"
#include "session/child_process.h"

namespace abstractllm::session {

/// The server knows the session no more, and wants to be introduced to anew.
class McpSessionLost : public ProviderConnectionError {
 public:
  using ProviderConnectionError::ProviderConnectionError;
};

/// Carries JSON-RPC messages, each a text. Thread-safe.
class McpTransport {
 public:
  using Clock = std::chrono::steady_clock;
  /// Gets each message of the server, on any thread, and once an empty text
  /// when there will be no more.
  using Receiver = std::function<void(std::string_view message)>;

  virtual ~McpTransport() = default;
  /// Called once, before `send`. Nothing is received after the destructor.
  virtual void open(Receiver receiver) = 0;
  /// Throws ProviderConnectionError, McpSessionLost, RequestTimeoutError,
  /// CancelledError and ProviderAPIError. `deadline` is max() for what may take
  /// any time. `answered`: whether what the message asks for is there.
  virtual void send(const std::string& message, Clock::time_point deadline,
                    const CancelToken& cancel,
                    const std::function<bool()>& answered) = 0;
  /// The version that both sides speak from here on.
  virtual void set_protocol_version(const std::string&) {}
  /// Why there is nothing more to receive, as far as it is known.
  virtual std::string last_words() const { return {}; }
};

/// Messages as lines over a child's standard streams.
std::unique_ptr<McpTransport> make_stdio_transport(const ChildCommand& command);

/// The "streamable HTTP" of the protocol: a POST for each message, answered by
/// JSON or by server-sent events, which are asked for again from where they
/// broke off if they have ids. The headers go with every request. `timeout`: of
/// each request that has a deadline.
std::unique_ptr<McpTransport> make_http_transport(
    std::string url, std::map<std::string, std::string> headers,
    std::chrono::milliseconds timeout);

}  // namespace abstractllm::session
