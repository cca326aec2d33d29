// A conversation for a reader.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "abstractllm/session.h"
#include "session/timestamps.h"

namespace abstractllm {
namespace {

// A fence longer than any run of backticks in `text`.
std::string fenced(std::string_view text) {
  std::size_t longest = 2;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  return fmt::format("{}\n{}\n{}\n", fence, text, fence);
}

std::string block_quote(std::string_view text) {
  std::string lines = "> ";
  for (const char c : text) {
    lines += c;
    if (c == '\n') lines += "> ";
  }
  return lines + "\n";
}

struct PartWriter {
  std::string operator()(const TextPart& part) const {
    return part.text + "\n";
  }
  std::string operator()(const ReasoningPart& part) const {
    return part.text.empty() ? "" : block_quote(part.text);
  }
  std::string operator()(const ImagePart& part) const {
    if (!part.url.empty()) return fmt::format("![image]({})\n", part.url);
    if (!part.path.empty()) return fmt::format("![image]({})\n", part.path);
    return fmt::format("*(an image, {} bytes)*\n", part.bytes.size());
  }
  std::string operator()(const ToolCall& call) const {
    return fmt::format("Call of `{}`:\n\n{}", call.name,
                       fenced(call.arguments));
  }
  std::string operator()(const ToolResult& result) const {
    return fmt::format("{} of `{}`:\n\n{}",
                       result.is_error ? "Error" : "Result", result.name,
                       fenced(result.output));
  }
};

std::string heading(const SessionMessage& entry) {
  std::string text(to_string(entry.message.role));
  text.front() = static_cast<char>(text.front() - 'a' + 'A');
  if (!entry.model.empty()) text += fmt::format(" ({})", entry.model);
  if (entry.finish_reason == FinishReason::kCancelled) text += ", cancelled";
  if (entry.finish_reason == FinishReason::kLength) text += ", cut off";
  return text;
}

}  // namespace

std::string session_to_markdown(const SessionState& state) {
  std::string text = fmt::format(
      "# {}\n\n", state.name.empty() ? "Session " + state.id : state.name);
  text += fmt::format("{} to {}\n", session::format_time(state.created_at),
                      session::format_time(state.updated_at));
  if (state.system_prompt) {
    text += fmt::format("\n## System\n\n{}\n", *state.system_prompt);
  }
  for (const SessionMessage& entry : state.messages) {
    text += fmt::format("\n## {}\n", heading(entry));
    for (const Part& part : entry.message.parts) {
      text += "\n" + std::visit(PartWriter{}, part);
    }
  }
  return text;
}

}  // namespace abstractllm
