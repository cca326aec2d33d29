// Kimi's section of calls, whose ids name function and number.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kAllBegin = "<|tool_calls_section_begin|>";
constexpr std::string_view kAllEnd = "<|tool_calls_section_end|>";
constexpr std::string_view kOneBegin = "<|tool_call_begin|>";
constexpr std::string_view kOneEnd = "<|tool_call_end|>";
constexpr std::string_view kArguments = "<|tool_call_argument_begin|>";

// "functions.f:0" is a call of f.
ToolCall named(std::string_view id) {
  ToolCall call{.id = std::string(id), .name = std::string(id)};
  if (call.name.starts_with("functions.")) call.name.erase(0, 10);
  const std::size_t colon = call.name.rfind(':');
  if (colon != std::string::npos) call.name.resize(colon);
  return call;
}

Reading read_one(Cursor& cursor) {
  cursor.skip_space();
  const std::string_view id = take_name(cursor);
  cursor.skip_space();
  bool taken = false;
  if (!cursor.take_optional(kArguments, taken)) return Reading::more();
  if (!taken)
    return cursor.rest().empty() ? Reading::undecided(cursor.at_end)
                                 : Reading::none();
  if (id.empty()) return Reading::none();
  ToolCall call = named(id);
  cursor.skip_space();
  if (cursor.rest().empty()) return Reading::undecided(cursor.at_end);
  const Value value = take_value(cursor);
  if (value.state != State::kCalls) return {value.state};
  const auto arguments = arguments_json(value.json);
  if (!arguments) return Reading::none();
  call.arguments = *arguments;
  cursor.skip_space();
  if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
  if (!cursor.take_optional(kOneEnd, taken)) return Reading::more();
  return Reading::of(cursor.at, {call});
}

class KimiReader : public CallReader {
 public:
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kAllBegin)},
                                              {std::string(kOneBegin)}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    std::vector<ToolCall> calls;
    cursor.take(kAllBegin);
    while (true) {
      cursor.skip_space();
      if (cursor.rest().empty() && !at_end) return Reading::more();
      bool taken = false;
      if (!cursor.take_optional(kAllEnd, taken)) return Reading::more();
      if (taken) break;
      if (!cursor.take_optional(kOneBegin, taken)) return Reading::more();
      if (!taken) break;
      Reading one = read_one(cursor);
      if (one.state != State::kCalls) return {one.state};
      calls.push_back(std::move(one.calls.front()));
    }
    if (calls.empty()) return Reading::none();
    return Reading::of(cursor.at, std::move(calls));
  }
};

}  // namespace

std::unique_ptr<CallReader> make_kimi_reader(const Tools&) {
  return std::make_unique<KimiReader>();
}

}  // namespace abstractllm::output
