// GigaChat's role of its own for a call, in a turn behind the answer's.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kTurnEnd = "<|message_sep|>";
constexpr std::string_view kRole = "function call<|role_sep|>";

class GigaChatReader : public CallReader {
 public:
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kTurnEnd)},
                                              {std::string(kRole), true}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    bool taken = false;
    if (cursor.take(kTurnEnd)) {
      const std::size_t end = cursor.at;
      cursor.skip_space();
      if (cursor.rest().empty() && !at_end) return Reading::more();
      if (!cursor.take_optional(kRole, taken)) return Reading::more();
      // The end of an answer that is text.
      if (!taken) return Reading::of(end, {});
    } else {
      cursor.take(kRole);
    }
    cursor.skip_space();
    if (cursor.rest().empty()) return Reading::undecided(at_end);
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    auto calls = calls_in_json(value.json);
    if (!calls) return Reading::none();
    return Reading::of(cursor.at, *std::move(calls));
  }
};

}  // namespace

std::unique_ptr<CallReader> make_gigachat_reader(const Tools&) {
  return std::make_unique<GigaChatReader>();
}

}  // namespace abstractllm::output
