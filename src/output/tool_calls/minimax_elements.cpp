// MiniMax M3's elements: a mark before every tag, an element of its own name
// for each argument, and further ones inside objects and lists.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kMark = "]<]minimax[>[";
constexpr int kMaxDepth = 64;  // of elements; each is a call deep

std::string marked(std::string_view tag) {
  return std::string(kMark) + std::string(tag);
}

// Names and JSON values.
using Fields = std::vector<std::pair<std::string, std::string>>;

std::string json_of(const Fields& fields) {
  const bool is_list =
      std::all_of(fields.begin(), fields.end(),
                  [](const auto& field) { return field.first == "item"; });
  ObjectText object;
  std::string list;
  for (const auto& [name, json] : fields) {
    object.add(name, json);
    list += (list.empty() ? "[" : ",") + json;
  }
  return is_list ? list + "]" : object.str();
}

// Of one call.
class ElementReader {
 public:
  ElementReader(Cursor& cursor, const ParameterTypes& types,
                std::string_view tool)
      : cursor_(cursor), types_(types), tool_(tool) {}

  // The elements up to the end of `outer`.
  State take_fields(std::string_view outer, int depth, Fields& fields) {
    if (depth > kMaxDepth) return State::kNone;
    const std::string end = marked("</") + std::string(outer) + ">";
    while (true) {
      cursor_.skip_space();
      bool taken = false;
      if (!cursor_.take_optional(end, taken)) return State::kMore;
      if (taken) return State::kCalls;
      if (!cursor_.take_optional(marked("<"), taken)) return State::kMore;
      if (!taken) {
        return cursor_.rest().empty() ? Reading::undecided(cursor_.at_end).state
                                      : State::kNone;
      }
      const Label name = take_label(cursor_, ">");
      if (name.state != State::kCalls) return name.state;
      if (name.text.starts_with('/')) return State::kNone;
      std::string json;
      const State state = take_value(name.text, depth, json);
      if (state != State::kCalls) return state;
      fields.emplace_back(name.text, std::move(json));
    }
  }

 private:
  // The text or the elements of `name`, and its end.
  State take_value(std::string_view name, int depth, std::string& json) {
    const std::size_t begin = cursor_.at;
    const std::string end = "</" + std::string(name) + ">";
    const auto text = take_until(cursor_, kMark);
    if (!text) return Reading::undecided(cursor_.at_end).state;
    bool taken = false;
    if (!cursor_.take_optional(end, taken)) return State::kMore;
    if (taken) {
      // What is inside others has no type of its own.
      json = depth == 0 ? types_.value_of(tool_, name, *text)
                        : types_.value_of({}, {}, *text);
      return State::kCalls;
    }
    cursor_.at = begin;
    Fields fields;
    const State state = take_fields(name, depth + 1, fields);
    if (state == State::kCalls) json = json_of(fields);
    return state;
  }

  Cursor& cursor_;
  const ParameterTypes& types_;
  const std::string_view tool_;
};

class MiniMaxElementReader : public CallReader {
 public:
  explicit MiniMaxElementReader(const Tools& tools) : types_(tools) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{marked("<tool_call>")},
                                              {marked("<invoke ")}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    const bool all = cursor.take(marked("<tool_call>"));
    return take_calls(
        cursor, marked("<invoke "),
        all ? marked("</tool_call>") : std::string(),
        [&](Cursor& at, ToolCall& call) { return take_one(at, call); });
  }

 private:
  State take_one(Cursor& cursor, ToolCall& call) const {
    const Label tag = take_label(cursor, ">");
    if (tag.state != State::kCalls) return tag.state;
    const auto name = attribute(tag.text, "name");
    if (!name) return State::kNone;
    call.name = *name;
    Fields fields;
    const State state =
        ElementReader(cursor, types_, *name).take_fields("invoke", 0, fields);
    if (state != State::kCalls) return state;
    ObjectText arguments;
    for (const auto& [key, json] : fields) arguments.add(key, json);
    call.arguments = arguments.str();
    return State::kCalls;
  }

  const ParameterTypes types_;
};

}  // namespace

std::unique_ptr<CallReader> make_minimax_element_reader(const Tools& tools) {
  return std::make_unique<MiniMaxElementReader>(tools);
}

}  // namespace abstractllm::output
