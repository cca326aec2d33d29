// A JSON list or object behind a mark, perhaps with a closing one: functools of
// Phi and Firefunction, the tags of Granite, Nemotron and Apertus.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

using Calls = std::optional<std::vector<ToolCall>>;

Calls described_calls(std::string_view json) { return calls_in_json(json); }

struct Marks {
  std::vector<Opener> openers;
  std::vector<std::string_view> closers;
  Calls (*read)(std::string_view json) = described_calls;
};

class ListedReader : public CallReader {
 public:
  explicit ListedReader(Marks marks) : marks_(std::move(marks)) {}

  const std::vector<Opener>& openers() const override { return marks_.openers; }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    for (const Opener& opener : marks_.openers) {
      if (cursor.take(opener.text)) break;
    }
    cursor.skip_space();
    if (cursor.rest().empty()) {
      return Reading::undecided(at_end);
    }
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    auto calls = marks_.read(value.json);
    // "[]" says that there is nothing to call.
    if (!calls && value.json == "[]") calls.emplace();
    if (!calls) return Reading::none();
    std::size_t end = cursor.at;
    cursor.skip_space();
    if (cursor.rest().empty() && !at_end) return Reading::more();
    // Several, one a line.
    while (cursor.rest().starts_with('{')) {
      const Value next = take_value(cursor);
      if (next.state == State::kMore) return Reading::more();
      const auto further =
          next.state == State::kCalls ? marks_.read(next.json) : std::nullopt;
      if (!further) return Reading::of(end, *std::move(calls));
      calls->insert(calls->end(), further->begin(), further->end());
      end = cursor.at;
      cursor.skip_space();
      if (cursor.rest().empty() && !at_end) return Reading::more();
    }
    for (const std::string_view closer : marks_.closers) {
      bool taken = false;
      if (!cursor.take_optional(closer, taken)) return Reading::more();
      if (taken) return Reading::of(cursor.at, *std::move(calls));
    }
    return Reading::of(end, *std::move(calls));
  }

 private:
  const Marks marks_;
};

}  // namespace

std::unique_ptr<CallReader> make_listed_reader(ToolDialect dialect,
                                               const Tools&) {
  Marks marks;
  switch (dialect) {
    case ToolDialect::kGranite:
      marks = {{{"<|tool_call|>"}, {"<tool_call>"}},
               {"</|tool_call|>", "<|/tool_call|>", "</tool_call>"}};
      break;
    case ToolDialect::kApertus:
      marks = {{{"<|tools_prefix|>"}}, {"<|tools_suffix|>"}, calls_by_name};
      break;
    case ToolDialect::kToolcall:
      marks = {{{"<TOOLCALL>"}, {"<tool_calls>"}, {"<|function_call|>"}},
               {"</TOOLCALL>", "</tool_calls>"}};
      break;
    default:
      marks = {{{"functools"}, {"<|tool_call|>"}},
               {"<|/tool_call|>", "</|tool_call|>"}};
      break;
  }
  return std::make_unique<ListedReader>(std::move(marks));
}

}  // namespace abstractllm::output
