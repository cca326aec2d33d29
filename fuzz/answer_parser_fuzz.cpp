// Answers of models in every dialect: however the bytes are split, the parts
// are the same, arguments are JSON objects, and nothing is lost.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/require.h"
#include "output/answer_parser.h"
#include "output/tool_calls/json_value.h"

namespace {

using namespace abstractllm;

struct Parts {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> calls;
  bool operator==(const Parts&) const = default;
};

Parts parts_of(const output::AnswerFormat& format,
               const std::vector<std::string_view>& pieces) {
  const auto parser = output::make_answer_parser(format);
  std::vector<output::AnswerItem> items;
  for (const std::string_view piece : pieces) parser->push(piece, items);
  parser->finish(items);
  Parts parts;
  for (const auto& item : items) {
    if (const auto* text = std::get_if<output::TextRun>(&item)) {
      parts.text += text->text;
    } else if (const auto* thought = std::get_if<output::ReasoningRun>(&item)) {
      parts.reasoning += thought->text;
    } else {
      parts.calls.push_back(std::get<ToolCall>(item));
    }
  }
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  if (size < 2) return 0;
  const auto& dialects = output::all_tool_dialects();
  output::AnswerFormat format{
      .dialect = dialects[data[0] % dialects.size()],
      .tools = {{"add", "", R"({"properties":{"a":{"type":"string"}}})"}}};
  if (data[1] % 2 == 1) {
    format.reasoning_begin = "<think>";
    format.reasoning_end = "</think>";
    format.reasoning_open = data[1] % 4 == 3;
  }
  const std::string_view input(reinterpret_cast<const char*>(data) + 2,
                               size - 2);
  const Parts whole = parts_of(format, {input});
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < input.size(); ++i) {
    bytes.push_back(input.substr(i, 1));
  }
  fuzz::require(parts_of(format, bytes) == whole);
  const std::size_t middle = data[0] * input.size() / 256;
  fuzz::require(parts_of(format, {input.substr(0, middle),
                                  input.substr(middle)}) == whole);
  for (const ToolCall& call : whole.calls) {
    fuzz::require(output::arguments_json(call.arguments).has_value());
  }
  fuzz::require(whole.text.size() + whole.reasoning.size() <= input.size());
  return 0;
}
