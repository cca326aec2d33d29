// MiniCPM's <function name="f"><param name="p">v</param></function>, v perhaps
// in CDATA.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kBegin = "<function name=\"";
constexpr std::string_view kQuoted = "<![CDATA[";

class MiniCpmReader : public CallReader {
 public:
  explicit MiniCpmReader(const Tools& tools) : types_(tools) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kBegin)}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    cursor.take(kBegin);
    const Label name = take_label(cursor, "\">");
    if (name.state != State::kCalls) return {name.state};
    ToolCall call{.name = std::string(name.text)};
    ObjectText arguments;
    while (true) {
      cursor.skip_space();
      bool taken = false;
      if (!cursor.take_optional("</function>", taken)) return Reading::more();
      if (taken) break;
      const State state = take_parameter(cursor, call.name, arguments);
      if (state != State::kCalls) return {state};
    }
    call.arguments = arguments.str();
    return Reading::of(cursor.at, {call});
  }

 private:
  State take_parameter(Cursor& cursor, std::string_view tool,
                       ObjectText& arguments) const {
    const State undecided = Reading::undecided(cursor.at_end).state;
    bool taken = false;
    if (!cursor.take_optional("<param name=\"", taken)) return State::kMore;
    if (!taken) return cursor.rest().empty() ? undecided : State::kNone;
    const Label key = take_label(cursor, "\">");
    if (key.state != State::kCalls) return key.state;
    bool quoted = false;
    if (!cursor.take_optional(kQuoted, quoted)) return State::kMore;
    const auto value = take_until(cursor, quoted ? "]]></param>" : "</param>");
    if (!value) return undecided;
    arguments.add(key.text, types_.value_of(
                                tool, key.text,
                                quoted ? *value : without_line_breaks(*value)));
    return State::kCalls;
  }

  const ParameterTypes types_;
};

}  // namespace

std::unique_ptr<CallReader> make_minicpm_reader(const Tools& tools) {
  return std::make_unique<MiniCpmReader>(tools);
}

}  // namespace abstractllm::output
