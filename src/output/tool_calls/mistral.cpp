// [TOOL_CALLS] of Mistral: a list of calls, or names with [ARGS].
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kBegin = "[TOOL_CALLS]";
constexpr std::string_view kId = "[CALL_ID]";
constexpr std::string_view kArguments = "[ARGS]";

class MistralReader : public CallReader {
 public:
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kBegin)}};
    return kOpeners;
  }

  // The first call behind one mark; others of the newer form have their own.
  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, kBegin.size(), at_end};
    cursor.skip_space();
    if (cursor.rest().empty()) {
      return Reading::undecided(at_end);
    }
    if (cursor.rest().starts_with('[') || cursor.rest().starts_with('{')) {
      const Value value = take_value(cursor);
      if (value.state != State::kCalls) return {value.state};
      auto calls = calls_in_json(value.json);
      if (!calls) return Reading::none();
      return Reading::of(cursor.at, *std::move(calls));
    }
    return read_named(cursor);
  }

 private:
  static Reading read_named(Cursor& cursor) {
    ToolCall call;
    call.name = take_name(cursor);
    if (call.name.empty()) return Reading::none();
    bool taken = false;
    if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
    if (!cursor.take_optional(kId, taken)) return Reading::more();
    if (taken) {
      call.id = take_name(cursor);
      if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
    }
    if (!cursor.take_optional(kArguments, taken)) return Reading::more();
    cursor.skip_space();
    if (cursor.rest().empty()) {
      return Reading::undecided(cursor.at_end);
    }
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    const auto arguments = arguments_json(value.json);
    if (!arguments) return Reading::none();
    call.arguments = *arguments;
    return Reading::of(cursor.at, {call});
  }
};

}  // namespace

std::unique_ptr<CallReader> make_mistral_reader(const Tools&) {
  return std::make_unique<MistralReader>();
}

}  // namespace abstractllm::output
