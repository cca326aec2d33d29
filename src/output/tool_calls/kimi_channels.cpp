// Kimi K3's openings: <|open|>call tool="f"<|sep|><|open|>argument key="k"
// type="t"<|sep|>v<|close|>argument<|sep|><|close|>call<|sep|>, and those that
// the answer itself stands between.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kOpen = "<|open|>";
constexpr std::string_view kClose = "<|close|>";
constexpr std::string_view kSep = "<|sep|>";

// Whether an opening is part of the answer's frame: it is no text of it.
bool is_frame(std::string_view tag) {
  constexpr std::array<std::string_view, 4> kFrames{"message", "response",
                                                    "think", "tools"};
  const std::string_view name = tag.substr(0, tag.find(' '));
  return std::find(kFrames.begin(), kFrames.end(), name) != kFrames.end();
}

void replace_all(std::string& text, std::string_view from, char to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       ++at) {
    text.replace(at, from.size(), 1, to);
  }
}

// An attribute's value, whose quotes are entities.
std::optional<std::string> field(std::string_view tag, std::string_view name) {
  const auto value = attribute(tag, name);
  if (!value) return std::nullopt;
  std::string text(*value);
  replace_all(text, "&quot;", '"');
  replace_all(text, "&amp;", '&');
  return text;
}

// What stands in <|open|>word ...<|sep|>: the rest of the opening, and the text
// up to its closing.
struct Part {
  State state = State::kMore;
  bool is_there = false;
  std::string_view fields{};
  std::string_view text{};
};

Part take_part(Cursor& cursor, std::string_view word) {
  const std::string name(word);
  bool taken = false;
  if (!cursor.take_optional(std::string(kOpen) + name + " ", taken)) return {};
  if (!taken) return {.state = State::kCalls};
  const Label fields = take_label(cursor, kSep);
  if (fields.state != State::kCalls) return {.state = fields.state};
  const auto text =
      take_until(cursor, std::string(kClose) + name + std::string(kSep));
  if (!text) return {.state = Reading::undecided(cursor.at_end).state};
  return {State::kCalls, true, fields.text, *text};
}

std::string argument_json(const Part& part) {
  if (attribute(part.fields, "type") == "string") return json_quoted(part.text);
  return strict_json(part.text).value_or(json_quoted(part.text));
}

State take_call(Cursor& cursor, ToolCall& call) {
  ObjectText arguments;
  std::optional<std::string> object;
  while (true) {
    bool taken = false;
    if (!cursor.take_optional("<|close|>call<|sep|>", taken)) {
      return State::kMore;
    }
    if (taken) break;
    const Part argument = take_part(cursor, "argument");
    if (argument.state != State::kCalls) return argument.state;
    if (argument.is_there) {
      const auto key = field(argument.fields, "key");
      if (!key) return State::kNone;
      arguments.add(*key, argument_json(argument));
      continue;
    }
    // All of them as one text.
    const Part json = take_part(cursor, "json");
    if (json.state != State::kCalls) return json.state;
    if (!json.is_there) {
      return cursor.rest().empty() ? Reading::undecided(cursor.at_end).state
                                   : State::kNone;
    }
    object = arguments_json(json.text);
    if (!object) return State::kNone;
  }
  call.arguments = object.value_or(arguments.str());
  return State::kCalls;
}

class KimiChannelReader : public CallReader {
 public:
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kOpen)},
                                              {std::string(kClose)}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    const bool opens = cursor.take(kOpen);
    if (!opens) cursor.take(kClose);
    const Label tag = take_label(cursor, kSep);
    if (tag.state != State::kCalls) return {tag.state};
    if (is_frame(tag.text)) return Reading::of(cursor.at, {});
    ToolCall call;
    const auto name = field(tag.text, "tool");
    if (!opens || !tag.text.starts_with("call ") || !name) {
      return Reading::none();
    }
    call.name = *name;
    const State state = take_call(cursor, call);
    if (state != State::kCalls) return {state};
    return Reading::of(cursor.at, {call});
  }
};

}  // namespace

std::unique_ptr<CallReader> make_kimi_channel_reader(const Tools&) {
  return std::make_unique<KimiChannelReader>();
}

}  // namespace abstractllm::output
