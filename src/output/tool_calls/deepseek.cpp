// DeepSeek's calls: fenced JSON behind the name (V2 to R1), or bare (V3.1); the
// later ones of its DSML are invocations.
// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "output/tool_calls/invocations.h"
#include "output/tool_calls/json_value.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kAllBegin = "<｜tool▁calls▁begin｜>";
constexpr std::string_view kAllEnd = "<｜tool▁calls▁end｜>";
constexpr std::string_view kOneBegin = "<｜tool▁call▁begin｜>";
constexpr std::string_view kOneEnd = "<｜tool▁call▁end｜>";
constexpr std::string_view kDivider = "<｜tool▁sep｜>";
constexpr std::size_t kMaxName = 512;
constexpr std::string_view kMarkup = "<｜DSML｜";

// A call from behind its beginning on.
Reading read_one(Cursor& cursor) {
  const auto first = take_until(cursor, kDivider);
  if (!first) {
    const bool too_long = cursor.rest().size() >= kMaxName + kDivider.size();
    return too_long ? Reading::none() : Reading::undecided(cursor.at_end);
  }
  if (first->size() > kMaxName) return Reading::none();
  ToolCall call;
  call.name = base::trimmed(*first);
  cursor.skip_space();
  if (cursor.rest().empty()) return Reading::undecided(cursor.at_end);
  if (!cursor.rest().starts_with('{')) {
    // function<sep>NAME, then a fence.
    const auto name = take_until(cursor, "\n");
    if (!name) return Reading::undecided(cursor.at_end);
    call.name = base::trimmed(*name);
    cursor.skip_space();
    bool fenced = false;
    if (!cursor.take_optional("```json", fenced)) return Reading::more();
    cursor.skip_space();
    if (cursor.rest().empty()) return Reading::undecided(cursor.at_end);
  }
  const Value value = take_value(cursor);
  if (value.state != State::kCalls) return {value.state};
  const auto arguments = arguments_json(value.json);
  if (!arguments || call.name.empty()) return Reading::none();
  call.arguments = *arguments;
  for (const std::string_view mark : {std::string_view("```"), kOneEnd}) {
    bool taken = false;
    cursor.skip_space();
    if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
    if (!cursor.take_optional(mark, taken)) return Reading::more();
  }
  return Reading::of(cursor.at, {call});
}

class DeepSeekReader : public CallReader {
 public:
  explicit DeepSeekReader(const Tools& tools) : types_(tools) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kAllBegin)},
                                              {std::string(kOneBegin)},
                                              {"<｜DSML｜function_calls>"},
                                              {"<｜DSML｜tool_calls>"},
                                              {"<｜DSML｜invoke"}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    if (text.starts_with(kMarkup)) {
      return read_invocations(cursor, kMarkup, types_);
    }
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
      if (one.state == State::kMore) return one;
      if (one.state == State::kNone) return Reading::none();
      calls.push_back(std::move(one.calls.front()));
    }
    if (calls.empty()) return Reading::none();
    return Reading::of(cursor.at, std::move(calls));
  }

 private:
  const ParameterTypes types_;
};

}  // namespace

std::unique_ptr<CallReader> make_deepseek_reader(const Tools& tools) {
  return std::make_unique<DeepSeekReader>(tools);
}

}  // namespace abstractllm::output
