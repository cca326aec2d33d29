// Small steps that readers of dialects are made of.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "output/tool_calls/call_reader.h"

namespace abstractllm::output {

/// A place in a text that is still growing.
struct Cursor {
  std::string_view text;
  std::size_t at = 0;
  bool at_end = false;  ///< the text does not grow any more

  std::string_view rest() const { return text.substr(at); }
  void skip_space();
  /// The text goes on with `mark`, which is passed.
  bool take(std::string_view mark);
  /// It does not yet, but may with what comes.
  bool may_become(std::string_view mark) const;
  /// Takes the mark if it is there; false if that is not known yet.
  bool take_optional(std::string_view mark, bool& taken);
};

/// Names of tools and functions: letters, digits and _ - . : /
std::string_view take_name(Cursor& cursor);

/// One JSON value, lenient, as strict JSON. An unfinished one at the end of the
/// answer is closed if all that is missing are brackets.
struct Value {
  Reading::State state = Reading::State::kMore;  ///< kCalls: `json` is there
  std::string json{};
};
Value take_value(Cursor& cursor);

/// The text up to `mark`, and past it; nothing where the mark does not come.
std::optional<std::string_view> take_until(Cursor& cursor,
                                           std::string_view mark);

/// A short text on one line up to `mark`, as names and tags have.
struct Label {
  Reading::State state = Reading::State::kMore;  ///< kCalls: `text` is there
  std::string_view text{};
};
Label take_label(Cursor& cursor, std::string_view mark);

/// The value of `name` in the attributes of a tag: name="value".
std::optional<std::string_view> attribute(std::string_view tag,
                                          std::string_view name);

/// One line break on each side belongs to the tags around a value.
std::string_view without_line_breaks(std::string_view text);

/// The arguments of `call` from the JSON that comes next.
Reading::State take_arguments(Cursor& cursor, ToolCall& call);

/// Takes one call behind the mark that begins it.
using CallStep = std::function<Reading::State(Cursor& cursor, ToolCall& call)>;

/// Calls one after the other, each behind `begin`, up to `end`, which may be
/// missing. Without one each call stands for itself.
Reading take_calls(Cursor& cursor, std::string_view begin, std::string_view end,
                   const CallStep& take_one);

/// The types of tools' parameters, for dialects that write values as text.
class ParameterTypes {
 public:
  explicit ParameterTypes(const Tools& tools);

  /// JSON for `text`: a string, if the schema says so or if it is no JSON.
  std::string value_of(std::string_view tool, std::string_view parameter,
                       std::string_view text) const;

 private:
  /// Those that are text and nothing else.
  std::map<std::pair<std::string, std::string>, bool, std::less<>> is_text_;
};

/// A JSON object out of names and JSON values.
class ObjectText {
 public:
  void add(std::string_view name, std::string_view json);
  std::string str() const { return text_ + '}'; }

 private:
  std::string text_ = "{";
};

std::vector<std::string> names_of(const Tools& tools);

}  // namespace abstractllm::output
