// <tool_call> ... </tool_call>, whatever stands inside: JSON as Hermes and Qwen
// write it, <function=f> as Qwen's coders do, <arg_key> as GLM does. Models mix
// them up, and each is told by how it begins.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/tagged.h"

#include "base/text.h"
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kBegin = "<tool_call>";
constexpr std::string_view kEnd = "</tool_call>";
constexpr std::size_t kMaxName = 256;

// The value of a parameter ends at the first closing tag behind which the
// function goes on or ends: code may hold such a tag itself.
std::optional<std::string_view> take_parameter(Cursor& cursor) {
  constexpr std::string_view kClose = "</parameter>";
  const std::size_t begin = cursor.at;
  std::size_t from = begin;
  while (true) {
    const std::size_t found = cursor.text.find(kClose, from);
    if (found == std::string_view::npos) return std::nullopt;
    Cursor after{cursor.text, found + kClose.size(), cursor.at_end};
    after.skip_space();
    for (const std::string_view next : {std::string_view("<parameter"),
                                        std::string_view("</function"), kEnd}) {
      if (after.may_become(next)) return std::nullopt;
      if (!after.rest().starts_with(next) &&
          !(after.at_end && after.rest().empty())) {
        continue;
      }
      cursor.at = found + kClose.size();
      return cursor.text.substr(begin, found - begin);
    }
    if (after.rest().empty() && !after.at_end) return std::nullopt;
    from = found + 1;
  }
}

}  // namespace

Reading read_function_tag(Cursor& cursor, const ParameterTypes& types) {
  const auto name = take_until(cursor, ">");
  // A name has no line break and is short.
  const std::string_view seen = name.value_or(cursor.rest());
  if (seen.size() > kMaxName || seen.find('\n') != std::string_view::npos) {
    return Reading::none();
  }
  if (!name) return Reading::undecided(cursor.at_end);
  ToolCall call;
  call.name = base::trimmed(*name);
  if (call.name.size() > 1 && call.name.front() == '"') {
    call.name = call.name.substr(1, call.name.size() - 2);
  }
  cursor.skip_space();
  if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
  if (cursor.rest().starts_with('{')) {
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    const auto arguments = arguments_json(value.json);
    if (!arguments) return Reading::none();
    call.arguments = *arguments;
    cursor.skip_space();
    bool taken = false;
    if (!cursor.take_optional("</function>", taken)) return Reading::more();
    return Reading::of(cursor.at, {call});
  }
  ObjectText arguments;
  while (true) {
    cursor.skip_space();
    bool is_over = false;
    bool more = false;
    if (!cursor.take_optional("</function>", is_over)) return Reading::more();
    if (is_over) break;
    if (!cursor.take_optional("<parameter=", more)) return Reading::more();
    if (!more) {
      // Some leave the closing tag of the function out.
      if (cursor.may_become(kEnd)) return Reading::more();
      if (cursor.rest().starts_with(kEnd)) break;
      return Reading::none();
    }
    const auto parameter = take_until(cursor, ">");
    if (!parameter) return Reading::undecided(cursor.at_end);
    const auto value = take_parameter(cursor);
    if (!value) return Reading::undecided(cursor.at_end);
    const std::string_view key = base::trimmed(*parameter);
    arguments.add(key,
                  types.value_of(call.name, key, without_line_breaks(*value)));
  }
  call.arguments = arguments.str();
  return Reading::of(cursor.at, {call});
}

Reading read_arg_keys(Cursor& cursor, const ParameterTypes& types) {
  ToolCall call;
  call.name = take_name(cursor);
  if (call.name.empty()) {
    return cursor.rest().empty() ? Reading::undecided(cursor.at_end)
                                 : Reading::none();
  }
  ObjectText arguments;
  while (true) {
    cursor.skip_space();
    bool is_over = false;
    bool more = false;
    if (!cursor.take_optional(kEnd, is_over)) return Reading::more();
    if (is_over) break;
    if (!cursor.take_optional("<arg_key>", more)) return Reading::more();
    if (!more) {
      return cursor.rest().empty() ? Reading::undecided(cursor.at_end)
                                   : Reading::none();
    }
    const auto key = take_until(cursor, "</arg_key>");
    if (!key) return Reading::undecided(cursor.at_end);
    cursor.skip_space();
    bool has_value = false;
    if (!cursor.take_optional("<arg_value>", has_value)) return Reading::more();
    if (!has_value) {
      return cursor.rest().empty() ? Reading::undecided(cursor.at_end)
                                   : Reading::none();
    }
    const auto value = take_until(cursor, "</arg_value>");
    if (!value) return Reading::undecided(cursor.at_end);
    arguments.add(base::trimmed(*key),
                  types.value_of(call.name, base::trimmed(*key), *value));
  }
  call.arguments = arguments.str();
  return Reading::of(cursor.at, {call});
}

namespace {

class TaggedReader : public CallReader {
 public:
  explicit TaggedReader(const Tools& tools) : types_(tools) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{
        {std::string(kBegin)}, {"<function="}, {"<function_call>"}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    if (cursor.take("<function=")) {
      return read_function_tag(cursor, types_);
    }
    std::string_view end = kEnd;
    if (cursor.take("<function_call>")) {
      end = "</function_call>";
    } else {
      cursor.take(kBegin);
    }
    // Some write the tag twice.
    bool again = false;
    cursor.skip_space();
    if (!cursor.take_optional(kBegin, again)) return Reading::more();
    cursor.skip_space();
    if (cursor.rest().empty()) return Reading::undecided(cursor.at_end);
    Reading reading = read_inside(cursor);
    if (reading.state != State::kCalls) return reading;
    // A closing tag that is missing is not missed.
    if (!again && text.substr(0, cursor.at).ends_with(end)) return reading;
    for (int i = again ? 2 : 1; i > 0; --i) {
      const std::size_t before = cursor.at;
      cursor.skip_space();
      if (!cursor.at_end && cursor.rest().empty()) return Reading::more();
      bool closed = false;
      if (!cursor.take_optional(end, closed)) return Reading::more();
      if (!closed) {
        cursor.at = before;
        break;
      }
    }
    reading.used = cursor.at;
    return reading;
  }

 private:
  Reading read_inside(Cursor& cursor) const {
    if (cursor.may_become("<function=")) return Reading::more();
    if (cursor.take("<function=")) return read_function_tag(cursor, types_);
    const char first = cursor.rest().front();
    if (first != '{' && first != '[') return read_arg_keys(cursor, types_);
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    auto calls = calls_in_json(value.json);
    if (!calls) return Reading::none();
    return Reading::of(cursor.at, *std::move(calls));
  }

  const ParameterTypes types_;
};

}  // namespace

std::unique_ptr<CallReader> make_tagged_reader(const Tools& tools) {
  return std::make_unique<TaggedReader>(tools);
}

}  // namespace abstractllm::output
