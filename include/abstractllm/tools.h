// Functions that a model may call: described, checked and run.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/cancel.h"
#include "abstractllm/export.h"
#include "abstractllm/message.h"

namespace abstractllm {

/// What a running tool knows of its call.
struct ToolContext {
  std::string call_id{};
  /// Raised when the caller cancels and when the call's time is over.
  CancelToken cancel{};
};

/// Takes the arguments, a JSON object that fits the tool's schema; returns
/// text for the model. What it throws becomes an error result. Runs on a
/// thread of its own, several calls at once. One that outlives its time-out
/// without looking at `cancel` is left alone: what it uses must live on.
using ToolHandler = std::function<std::string(std::string_view arguments,
                                              const ToolContext& context)>;

/// A function with its description. A plain value.
struct Tool {
  ToolDefinition definition{};
  ToolHandler handler{};
  /// Asked of the user before each call; see ToolRegistry::run.
  bool needs_confirmation = false;
  /// Instead of ToolLimits::timeout.
  std::optional<std::chrono::milliseconds> timeout{};
};

/// How far a model may go with tools.
struct ToolLimits {
  int max_calls = 25;  ///< in one turn; at least 0
  int parallel = 4;    ///< calls that run at once; at least 1
  std::chrono::milliseconds timeout{60000};  ///< of one call
  std::size_t max_output_bytes = 64 * 1024;  ///< the rest is cut off, and said
};

/// Whether a call may run. Asked on the thread that runs the turn, one call
/// after the other.
using ConfirmTool = std::function<bool(const ToolCall&)>;

/// Tools that may change while a program runs, as those of an MCP server.
class ABSTRACTLLM_API ToolSource {
 public:
  virtual ~ToolSource();
  /// Asked before each request. Throws what makes the turn fail.
  virtual std::vector<Tool> tools() = 0;
};

/// The tools that a session offers. Thread-safe.
class ABSTRACTLLM_API ToolRegistry {
 public:
  ToolRegistry();
  ~ToolRegistry();
  ToolRegistry(const ToolRegistry&) = delete;
  ToolRegistry& operator=(const ToolRegistry&) = delete;

  /// Throws InvalidRequestError for a name that is taken or is not 1 to 64
  /// letters, digits, '_' and '-', a missing handler, and a schema that is
  /// none.
  void add(Tool tool);
  void add_source(std::shared_ptr<ToolSource> source);
  /// False if there is no such tool of its own.
  bool remove(std::string_view name);

  /// All of them: its own in the order of adding, then those of the sources.
  /// Throws InvalidRequestError if two have one name.
  std::vector<ToolDefinition> definitions() const;

  /// One result for each call, in order. Never throws for what a call does: an
  /// unknown tool (the known ones are named), arguments that break the schema,
  /// a refusal, a time-out, a cancel and an exception are error results for
  /// the model. Without `confirm`, tools that need it are refused.
  std::vector<ToolResult> run(const std::vector<ToolCall>& calls,
                              const ToolLimits& limits = {},
                              const ConfirmTool& confirm = {},
                              const CancelToken& cancel = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Tools that come with the library. None is offered unless it is added.
struct BuiltinToolOptions {
  /// What read_file and list_files see: this folder and what is below it, no
  /// links. Required for them.
  std::string root{};
  /// Milliseconds since 1970 for current_time; null: the system's clock.
  std::int64_t (*now_ms)() = nullptr;
};

/// "read_file", "list_files", "calculator", "current_time".
ABSTRACTLLM_API std::vector<std::string> builtin_tool_names();

/// One of them; those that read files need confirmation. Throws
/// InvalidRequestError for any other name and FileProcessingError for a root
/// that is no folder.
ABSTRACTLLM_API Tool builtin_tool(std::string_view name,
                                  const BuiltinToolOptions& options = {});

/// A server of the Model Context Protocol. A plain value.
struct McpServer {
  /// A program to run and its arguments; it is spoken to over its standard
  /// streams and ends with the source. Either this or `url`.
  std::vector<std::string> command{};
  /// What the program gets beside PATH, HOME and the like.
  std::map<std::string, std::string> environment{};
  std::string url{};                             ///< streamable HTTP
  std::map<std::string, std::string> headers{};  ///< with every HTTP request
  /// "files" makes a tool "read" into "files_read".
  std::string prefix{};
  bool needs_confirmation = false;  ///< of each call
  /// Of everything but calls, which have the time-out of the registry or of
  /// their tool.
  std::chrono::milliseconds timeout{30000};
};

/// The tools of `server`, asked anew when it says that they have changed.
/// Throws ProviderConnectionError, RequestTimeoutError, AuthenticationError
/// and ProviderAPIError.
ABSTRACTLLM_API std::shared_ptr<ToolSource> connect_mcp(
    const McpServer& server);

}  // namespace abstractllm
