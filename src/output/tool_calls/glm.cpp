// GLM's calls: <arg_key> in tags since 4.5, a name and a line of JSON before.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

class GlmReader : public CallReader {
 public:
  explicit GlmReader(const Tools& tools) : tagged_(make_tagged_reader(tools)) {
    openers_ = tagged_->openers();
    for (const ToolDefinition& tool : tools) {
      openers_.push_back({tool.name + "\n", true});
    }
  }

  const std::vector<Opener>& openers() const override { return openers_; }

  Reading read(std::string_view text, bool at_end) const override {
    if (text.starts_with('<')) return tagged_->read(text, at_end);
    Cursor cursor{text, 0, at_end};
    ToolCall call;
    call.name = *take_until(cursor, "\n");
    cursor.skip_space();
    if (cursor.rest().empty()) {
      return Reading::undecided(at_end);
    }
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    const auto arguments = arguments_json(value.json);
    if (!arguments) return Reading::none();
    call.arguments = *arguments;
    return Reading::of(cursor.at, {call});
  }

 private:
  const std::unique_ptr<CallReader> tagged_;
  std::vector<Opener> openers_;
};

}  // namespace

std::unique_ptr<CallReader> make_glm_reader(const Tools& tools) {
  return std::make_unique<GlmReader>(tools);
}

}  // namespace abstractllm::output
