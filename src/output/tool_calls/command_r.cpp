// Actions of Command R: a list in special tokens, or in a fence.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

class CommandRReader : public CallReader {
 public:
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{"<|START_ACTION|>"},
                                              {"Action: ```json"},
                                              {"Action:\n```json"},
                                              {"Action:```json"}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    for (const Opener& opener : openers()) {
      if (cursor.take(opener.text)) break;
    }
    const std::string_view closer =
        text.starts_with('<') ? "<|END_ACTION|>" : "```";
    cursor.skip_space();
    if (cursor.rest().empty()) {
      return Reading::undecided(at_end);
    }
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    auto calls = calls_in_json(value.json);
    if (!calls) return Reading::none();
    // What it calls when it wants to call nothing.
    std::erase_if(*calls, [](const ToolCall& call) {
      return call.name == "directly_answer" || call.name == "directly-answer";
    });
    // Its ids count from 0 in every answer.
    for (ToolCall& call : *calls) call.id.clear();
    const std::size_t end = cursor.at;
    cursor.skip_space();
    if (cursor.rest().empty() && !at_end) return Reading::more();
    bool taken = false;
    if (!cursor.take_optional(closer, taken)) return Reading::more();
    return Reading::of(taken ? cursor.at : end, *std::move(calls));
  }
};

}  // namespace

std::unique_ptr<CallReader> make_command_r_reader(const Tools&) {
  return std::make_unique<CommandRReader>();
}

}  // namespace abstractllm::output
