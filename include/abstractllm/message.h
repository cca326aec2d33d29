// What a conversation is made of: messages of typed parts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "abstractllm/export.h"

namespace abstractllm {

enum class Role { kSystem, kUser, kAssistant, kTool };

/// "system", "user", "assistant", "tool".
ABSTRACTLLM_API std::string_view to_string(Role role) noexcept;
/// Inverse of to_string; "developer" is taken for system. Throws
/// InvalidRequestError for any other text.
ABSTRACTLLM_API Role parse_role(std::string_view text);

/// UTF-8 text.
struct TextPart {
  std::string text;
  bool operator==(const TextPart&) const = default;
};

/// What a model thought before it answered; not part of the answer.
struct ReasoningPart {
  std::string text{};
  /// Opaque: what the service that gave the reasoning wants back with the
  /// next request of the conversation. Other providers pass over it.
  std::string replay{};
  bool operator==(const ReasoningPart&) const = default;
};

/// An encoded image (PNG, JPEG, ...), or a moving picture where `media_type`
/// begins with "video/" (docs/images.md). Exactly one of `path`, `bytes` and
/// `url` is set. A URL is left to services that fetch it, never fetched here.
struct ImagePart {
  std::string path{};        ///< file on this machine
  std::string bytes{};       ///< the encoded file itself
  std::string media_type{};  ///< "image/png"; empty: found out from the bytes
  std::string url{};         ///< http or https; data: for frames of a video
  std::string detail{};  ///< "low", "high", "auto"; empty: the service's own
  bool operator==(const ImagePart&) const = default;
};

/// A function call that the model asked for.
struct ToolCall {
  std::string id{};
  std::string name{};
  std::string arguments{};  ///< JSON object as text
  bool operator==(const ToolCall&) const = default;
};

/// What a function call gave.
struct ToolResult {
  std::string tool_call_id{};
  std::string name{};
  std::string output{};
  bool is_error = false;
  /// How long the call took, wall-clock; 0: not known. Not stored, not compared.
  double seconds = 0;
  bool operator==(const ToolResult& other) const {
    return tool_call_id == other.tool_call_id && name == other.name &&
           output == other.output && is_error == other.is_error;
  }
};

using Part =
    std::variant<TextPart, ReasoningPart, ImagePart, ToolCall, ToolResult>;

/// The file at `path` as a part of a message, by its content: an image (PNG,
/// JPEG, GIF, WebP, BMP) stays in its file until it is sent; UTF-8 text, a
/// table (CSV, TSV) among it, becomes text of at most 16 MiB in a fenced block
/// under the file's name. Throws FileProcessingError for a file that cannot be
/// read, is too large or is neither.
ABSTRACTLLM_API Part part_from_file(const std::string& path);

/// One message. A plain value.
struct ABSTRACTLLM_API Message {
  Role role = Role::kUser;
  std::vector<Part> parts;
  /// Of an answer: the ids that a local model emitted for it, end token
  /// included. The same model replays them where its template allows, so that
  /// the next prompt continues what its cache holds; others ignore them.
  std::vector<std::int32_t> token_ids{};

  /// All text parts, joined.
  std::string text() const;

  static Message system(std::string text);
  static Message user(std::string text);
  static Message assistant(std::string text);

  bool operator==(const Message&) const = default;
};

/// A function that a model may call. `parameters` is a JSON Schema as text.
struct ToolDefinition {
  std::string name{};
  std::string description{};
  std::string parameters = "{}";
  bool operator==(const ToolDefinition&) const = default;
};

}  // namespace abstractllm
