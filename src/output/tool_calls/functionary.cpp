// Functionary's receivers: >>>f and JSON on the next line; >>>all is the user.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kMark = ">>>";
constexpr std::string_view kUser = "all";

class FunctionaryReader : public CallReader {
 public:
  explicit FunctionaryReader(const Tools& tools) {
    add(kUser);
    for (const std::string& name : names_of(tools)) add(name);
  }

  const std::vector<Opener>& openers() const override { return openers_; }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    cursor.take(kMark);
    ToolCall call;
    call.name = take_until(cursor, "\n").value_or("");
    if (call.name == kUser) return Reading::of(cursor.at, {});
    const State state = take_arguments(cursor, call);
    if (state != State::kCalls) return {state};
    return Reading::of(cursor.at, {call});
  }

 private:
  // The prompt ends in the first mark.
  void add(std::string_view name) {
    const std::string line = std::string(name) + "\n";
    openers_.push_back({line, true});
    openers_.push_back({std::string(kMark) + line});
  }

  std::vector<Opener> openers_;
};

}  // namespace

std::unique_ptr<CallReader> make_functionary_reader(const Tools& tools) {
  return std::make_unique<FunctionaryReader>(tools);
}

}  // namespace abstractllm::output
