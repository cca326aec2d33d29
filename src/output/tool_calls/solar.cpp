// Solar Open's marks:
// <|tool_call:begin|>id<|tool_call:name|>f<|tool_call:args|>{}<|tool_call:end|>
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kAll = "<|tool_calls|>";
constexpr std::string_view kAllEnd = "<|calls|>";
constexpr std::string_view kOne = "<|tool_call:begin|>";

State take_one(Cursor& cursor, ToolCall& call) {
  const Label id = take_label(cursor, "<|tool_call:name|>");
  if (id.state != State::kCalls) return id.state;
  const Label name = take_label(cursor, "<|tool_call:args|>");
  if (name.state != State::kCalls) return name.state;
  call.id = id.text;
  call.name = name.text;
  const State state = take_arguments(cursor, call);
  if (state != State::kCalls) return state;
  cursor.skip_space();
  if (cursor.rest().empty() && !cursor.at_end) return State::kMore;
  bool taken = false;
  return cursor.take_optional("<|tool_call:end|>", taken) ? State::kCalls
                                                          : State::kMore;
}

class SolarReader : public CallReader {
 public:
  // The prompt ends in the first <|begin|>assistant.
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kAll)},
                                              {std::string(kOne)},
                                              {"<|begin|>assistant"},
                                              {"<|content|>"},
                                              {"<|end|>"}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    const bool all = cursor.take(kAll);
    if (!all && !text.starts_with(kOne)) {
      // Marks around text, each an opener itself.
      for (const Opener& opener : openers()) {
        if (cursor.take(opener.text)) break;
      }
      return Reading::of(cursor.at, {});
    }
    return take_calls(cursor, kOne, all ? kAllEnd : std::string_view(),
                      take_one);
  }
};

}  // namespace

std::unique_ptr<CallReader> make_solar_reader(const Tools&) {
  return std::make_unique<SolarReader>();
}

}  // namespace abstractllm::output
