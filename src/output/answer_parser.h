// The parts of an answer: reasoning, text, calls.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "output/tool_calls/call_parser.h"
#include "output/tool_calls/dialect.h"

namespace abstractllm::output {

/// A stretch of reasoning and where it begins in what was pushed.
struct ReasoningRun {
  std::string text;
  std::size_t begin = 0;
  bool operator==(const ReasoningRun&) const = default;
};

using AnswerItem = std::variant<TextRun, ReasoningRun, ToolCall>;

/// What an answer may hold beside text.
struct AnswerFormat {
  /// Set where tools are offered; and always for kHarmony, whose reasoning is
  /// a channel like its calls.
  std::optional<ToolDialect> dialect{};
  std::vector<ToolDefinition> tools{};
  /// Marks around reasoning; empty: there is none to look for.
  std::string reasoning_begin{};
  std::string reasoning_end{};
  /// The prompt ends within reasoning.
  bool reasoning_open = false;
};

/// Takes an answer's text piece by piece. How it is split changes nothing.
/// Reasoning is looked for where the answer begins and nowhere else; space
/// around it is dropped. One thread at a time.
class AnswerParser {
 public:
  virtual ~AnswerParser() = default;
  virtual void push(std::string_view text, std::vector<AnswerItem>& out) = 0;
  virtual void finish(std::vector<AnswerItem>& out) = 0;
};

std::unique_ptr<AnswerParser> make_answer_parser(const AnswerFormat& format);

}  // namespace abstractllm::output
