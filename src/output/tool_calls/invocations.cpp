// A reader of tags with attributes, for MiniMax and DeepSeek.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/invocations.h"

#include "output/tool_calls/json_value.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

class InvocationReader {
 public:
  InvocationReader(Cursor& cursor, std::string_view prefix,
                   const ParameterTypes& types)
      : cursor_(cursor),
        open_(prefix),
        close_("</" + std::string(prefix.substr(1))),
        types_(types) {}

  Reading read() {
    std::vector<ToolCall> calls;
    // The tag around them, which every opener but the invocation itself is.
    if (!cursor_.rest().starts_with(open_ + "invoke")) {
      const auto outer = take_until(cursor_, ">");
      if (!outer) return Reading::undecided(cursor_.at_end);
      outer_ = outer->substr(open_.size());
    }
    while (true) {
      cursor_.skip_space();
      if (cursor_.rest().empty() && !cursor_.at_end) return Reading::more();
      bool taken = false;
      if (!outer_.empty()) {
        const std::string end = close_ + std::string(outer_) + ">";
        if (!cursor_.take_optional(end, taken)) return Reading::more();
        if (taken) break;
      }
      if (!cursor_.take_optional(open_ + "invoke", taken)) {
        return Reading::more();
      }
      if (!taken) break;
      ToolCall call;
      const State state = read_call(call);
      if (state != State::kCalls) return {state};
      calls.push_back(std::move(call));
      // Without a tag around them each stands for itself.
      if (outer_.empty()) break;
    }
    if (calls.empty()) return Reading::none();
    return Reading::of(cursor_.at, std::move(calls));
  }

 private:
  State read_call(ToolCall& call) {
    const auto tag = take_until(cursor_, ">");
    if (!tag) return Reading::undecided(cursor_.at_end).state;
    const auto name = attribute(*tag, "name");
    if (!name) return State::kNone;
    call.name = *name;
    ObjectText arguments;
    while (true) {
      cursor_.skip_space();
      bool taken = false;
      if (!cursor_.take_optional(close_ + "invoke>", taken)) {
        return State::kMore;
      }
      if (taken) break;
      if (!cursor_.take_optional(open_ + "parameter", taken)) {
        return State::kMore;
      }
      if (!taken) {
        return cursor_.rest().empty() ? Reading::undecided(cursor_.at_end).state
                                      : State::kNone;
      }
      const auto parameter = take_until(cursor_, ">");
      if (!parameter) return Reading::undecided(cursor_.at_end).state;
      const auto key = attribute(*parameter, "name");
      const auto value = take_until(cursor_, close_ + "parameter>");
      if (!value) return Reading::undecided(cursor_.at_end).state;
      if (!key) return State::kNone;
      const bool is_text = attribute(*parameter, "string") == "true";
      arguments.add(*key, is_text ? json_quoted(*value)
                                  : types_.value_of(call.name, *key, *value));
    }
    call.arguments = arguments.str();
    return State::kCalls;
  }

  Cursor& cursor_;
  const std::string open_;
  const std::string close_;
  const ParameterTypes& types_;
  std::string_view outer_{};
};

class MiniMaxReader : public CallReader {
 public:
  explicit MiniMaxReader(const Tools& tools) : types_(tools) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{"<minimax:tool_call>"}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    return read_invocations(cursor, "<", types_);
  }

 private:
  const ParameterTypes types_;
};

}  // namespace

Reading read_invocations(Cursor& cursor, std::string_view prefix,
                         const ParameterTypes& types) {
  return InvocationReader(cursor, prefix, types).read();
}

std::unique_ptr<CallReader> make_minimax_reader(const Tools& tools) {
  return std::make_unique<MiniMaxReader>(tools);
}

}  // namespace abstractllm::output
