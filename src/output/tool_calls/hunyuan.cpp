// Hunyuan's tags, whose names end in a word that depends on the release:
// <tool_call:s>f<tool_sep:s><arg_key:s>k</arg_key:s><arg_value:s>v...
// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kAll = "<tool_calls:";
constexpr std::string_view kOne = "<tool_call:";

// Tags of one release.
struct Tags {
  std::string word;
  std::string operator()(std::string_view name) const {
    return std::string(name) + ":" + word + ">";
  }
};

class HunyuanReader : public CallReader {
 public:
  explicit HunyuanReader(const Tools& tools) : types_(tools) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kAll)},
                                              {std::string(kOne)}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    const bool all = cursor.take(kAll);
    if (!all) cursor.take(kOne);
    const Label word = take_label(cursor, ">");
    if (word.state != State::kCalls) return {word.state};
    const Tags tag{std::string(word.text)};
    if (!all) cursor.at = 0;
    return take_calls(
        cursor, tag("<tool_call"), all ? tag("</tool_calls") : std::string(),
        [&](Cursor& at, ToolCall& call) { return take_one(at, tag, call); });
  }

 private:
  State take_one(Cursor& cursor, const Tags& tag, ToolCall& call) const {
    const Label name = take_label(cursor, tag("<tool_sep"));
    if (name.state != State::kCalls) return name.state;
    call.name = base::trimmed(name.text);
    if (call.name.empty()) return State::kNone;
    ObjectText arguments;
    while (true) {
      cursor.skip_space();
      bool taken = false;
      if (!cursor.take_optional(tag("</tool_call"), taken)) return State::kMore;
      if (taken) break;
      const State state = take_argument(cursor, tag, call.name, arguments);
      if (state != State::kCalls) return state;
    }
    call.arguments = arguments.str();
    return State::kCalls;
  }

  State take_argument(Cursor& cursor, const Tags& tag, std::string_view tool,
                      ObjectText& arguments) const {
    const State undecided = Reading::undecided(cursor.at_end).state;
    bool taken = false;
    if (!cursor.take_optional(tag("<arg_key"), taken)) return State::kMore;
    if (!taken) return cursor.rest().empty() ? undecided : State::kNone;
    const auto key = take_until(cursor, tag("</arg_key"));
    if (!key) return undecided;
    cursor.skip_space();
    if (!cursor.take_optional(tag("<arg_value"), taken)) return State::kMore;
    if (!taken) return cursor.rest().empty() ? undecided : State::kNone;
    const auto value = take_until(cursor, tag("</arg_value"));
    if (!value) return undecided;
    const std::string_view name = base::trimmed(*key);
    arguments.add(name, types_.value_of(tool, name, *value));
    return State::kCalls;
  }

  const ParameterTypes types_;
};

}  // namespace

std::unique_ptr<CallReader> make_hunyuan_reader(const Tools& tools) {
  return std::make_unique<HunyuanReader>(tools);
}

}  // namespace abstractllm::output
