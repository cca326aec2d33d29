// An answer taken apart, however its bytes come.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "output/answer_parser.h"

namespace abstractllm::output {

struct Answer {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> calls;
  bool operator==(const Answer&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Answer& answer) {
  out << "text: [" << answer.text << "] reasoning: [" << answer.reasoning
      << "]";
  for (const ToolCall& call : answer.calls) {
    out << "\n  " << call.id << ' ' << call.name << ' ' << call.arguments;
  }
  return out;
}

inline Answer answer_of(const AnswerFormat& format,
                        const std::vector<std::string>& pieces) {
  const auto parser = make_answer_parser(format);
  std::vector<AnswerItem> items;
  for (const std::string& piece : pieces) parser->push(piece, items);
  parser->finish(items);
  Answer answer;
  for (AnswerItem& item : items) {
    if (auto* text = std::get_if<TextRun>(&item)) {
      answer.text += text->text;
    } else if (auto* thought = std::get_if<ReasoningRun>(&item)) {
      answer.reasoning += thought->text;
    } else {
      answer.calls.push_back(std::get<ToolCall>(std::move(item)));
    }
  }
  return answer;
}

// The whole at once, byte by byte, and in two at every place.
inline void expect_answer(const AnswerFormat& format, const std::string& input,
                          const Answer& expected) {
  ASSERT_EQ(answer_of(format, {input}), expected) << input;
  std::vector<std::string> bytes;
  for (const char c : input) bytes.emplace_back(1, c);
  ASSERT_EQ(answer_of(format, bytes), expected) << "byte by byte: " << input;
  for (std::size_t at = 1; at < input.size(); ++at) {
    ASSERT_EQ(answer_of(format, {input.substr(0, at), input.substr(at)}),
              expected)
        << "split at " << at << " of: " << input;
  }
}

inline std::vector<ToolDefinition> two_tools() {
  return {{"add", "Adds.",
           R"({"type":"object","properties":{"a":{"type":"integer"},)"
           R"("b":{"type":"integer"}}})"},
          {"find", "Finds.",
           R"({"type":"object","properties":{"text":{"type":"string"},)"
           R"("where":{"type":"array"}}})"}};
}

inline AnswerFormat with_tools(ToolDialect dialect) {
  return {.dialect = dialect, .tools = two_tools()};
}

}  // namespace abstractllm::output
