// A client of the Model Context Protocol: JSON-RPC 2.0 over a transport.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"
#include "session/mcp_transport.h"

namespace abstractllm::session {

/// Thread-safe: requests may overlap. Errors name the server.
class McpClient {
 public:
  /// Introduces itself to the server. Throws ProviderConnectionError,
  /// RequestTimeoutError, and ProviderAPIError for a server that speaks no
  /// version of the protocol that is known here.
  McpClient(std::string name, std::unique_ptr<McpTransport> transport,
            std::chrono::milliseconds timeout);
  ~McpClient();

  /// All pages of its tools, named as the server does.
  std::vector<ToolDefinition> list_tools();
  /// True once after the server said that its tools have changed.
  bool take_tools_changed();

  struct CallResult {
    std::string text;
    bool is_error = false;
  };
  /// `arguments`: a JSON object as text. Waits until `cancel` is raised, and
  /// then tells the server so and throws CancelledError.
  CallResult call_tool(std::string_view tool, std::string_view arguments,
                       const CancelToken& cancel);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace abstractllm::session
