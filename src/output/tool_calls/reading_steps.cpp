// The cursor, values and parameters.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/reading_steps.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/text.h"
#include "output/tool_calls/json_value.h"

namespace abstractllm::output {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxLabel = 256;

// Whether a schema allows strings and nothing else.
bool allows_text_only(const Json& schema) {
  if (!schema.is_object()) return false;
  const auto type = schema.find("type");
  if (type != schema.end()) return *type == "string";
  const auto values = schema.find("enum");
  return values != schema.end() && values->is_array() &&
         std::all_of(values->begin(), values->end(),
                     [](const Json& value) { return value.is_string(); });
}

}  // namespace

void Cursor::skip_space() {
  const std::size_t next = text.find_first_not_of(" \t\r\n", at);
  at = next == std::string_view::npos ? text.size() : next;
}

bool Cursor::take(std::string_view mark) {
  if (!rest().starts_with(mark)) return false;
  at += mark.size();
  return true;
}

bool Cursor::may_become(std::string_view mark) const {
  return !at_end && rest().size() < mark.size() && mark.starts_with(rest());
}

bool Cursor::take_optional(std::string_view mark, bool& taken) {
  taken = take(mark);
  return taken || !may_become(mark);
}

std::string_view take_name(Cursor& cursor) {
  const std::size_t begin = cursor.at;
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
           c == ':' || c == '/';
  };
  while (cursor.at < cursor.text.size() && is_part(cursor.text[cursor.at])) {
    ++cursor.at;
  }
  return cursor.text.substr(begin, cursor.at - begin);
}

Value take_value(Cursor& cursor) {
  const std::string_view rest = cursor.rest();
  const ScanResult scan = scan_value(rest);
  if (scan.scan == Scan::kBad) return {.state = Reading::State::kNone};
  std::string text;
  if (scan.scan == Scan::kMore) {
    if (!cursor.at_end) return {};
    if (scan.in_string || rest.empty()) return {Reading::State::kNone, {}};
    text = std::string(rest) + scan.closers;
    cursor.at = cursor.text.size();
  } else {
    text = std::string(rest.substr(0, scan.end));
    cursor.at += scan.end;
  }
  auto strict = strict_json(text);
  if (!strict) return {.state = Reading::State::kNone};
  return {Reading::State::kCalls, *std::move(strict)};
}

std::optional<std::string_view> take_until(Cursor& cursor,
                                           std::string_view mark) {
  const std::size_t found = cursor.text.find(mark, cursor.at);
  if (found == std::string_view::npos) return std::nullopt;
  const std::string_view text =
      cursor.text.substr(cursor.at, found - cursor.at);
  cursor.at = found + mark.size();
  return text;
}

Label take_label(Cursor& cursor, std::string_view mark) {
  const auto text = take_until(cursor, mark);
  const std::string_view seen = text.value_or(cursor.rest());
  // Of what may still end in the mark some is no part of it.
  const std::size_t most = kMaxLabel + (text ? 0 : mark.size());
  if (seen.size() > most || seen.find('\n') != std::string_view::npos) {
    return {.state = Reading::State::kNone};
  }
  if (!text) return {.state = Reading::undecided(cursor.at_end).state};
  return {Reading::State::kCalls, *text};
}

std::optional<std::string_view> attribute(std::string_view tag,
                                          std::string_view name) {
  const std::string key = std::string(name) + "=\"";
  const std::size_t begin = tag.find(key);
  if (begin == std::string_view::npos) return std::nullopt;
  tag.remove_prefix(begin + key.size());
  const std::size_t end = tag.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  return tag.substr(0, end);
}

std::string_view without_line_breaks(std::string_view text) {
  if (text.starts_with("\r\n")) text.remove_prefix(2);
  if (text.starts_with('\n')) text.remove_prefix(1);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

Reading::State take_arguments(Cursor& cursor, ToolCall& call) {
  cursor.skip_space();
  if (cursor.rest().empty()) return Reading::undecided(cursor.at_end).state;
  const Value value = take_value(cursor);
  if (value.state != Reading::State::kCalls) return value.state;
  const auto arguments = arguments_json(value.json);
  if (!arguments) return Reading::State::kNone;
  call.arguments = *arguments;
  return Reading::State::kCalls;
}

Reading take_calls(Cursor& cursor, std::string_view begin, std::string_view end,
                   const CallStep& take_one) {
  std::vector<ToolCall> calls;
  std::size_t used = cursor.at;
  do {
    cursor.skip_space();
    if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
    bool taken = false;
    if (!end.empty()) {
      if (!cursor.take_optional(end, taken)) return Reading::more();
      if (taken) used = cursor.at;
      if (taken) break;
    }
    if (!cursor.take_optional(begin, taken)) return Reading::more();
    if (!taken) break;
    ToolCall call;
    const Reading::State state = take_one(cursor, call);
    if (state != Reading::State::kCalls) return {state};
    calls.push_back(std::move(call));
    used = cursor.at;
  } while (!end.empty());
  if (calls.empty()) return Reading::none();
  return Reading::of(used, std::move(calls));
}

ParameterTypes::ParameterTypes(const Tools& tools) {
  for (const ToolDefinition& tool : tools) {
    const Json schema = base::parse_json(tool.parameters);
    if (!schema.is_object()) continue;
    const auto properties = schema.find("properties");
    if (properties == schema.end() || !properties->is_object()) continue;
    for (const auto& [name, type] : properties->items()) {
      is_text_[{tool.name, name}] = allows_text_only(type);
    }
  }
}

std::string ParameterTypes::value_of(std::string_view tool,
                                     std::string_view parameter,
                                     std::string_view text) const {
  const auto found =
      is_text_.find(std::pair{std::string(tool), std::string(parameter)});
  if (found != is_text_.end() && found->second) return json_quoted(text);
  if (base::is_json(text)) return std::string(text);
  // True, {'a': 1} and the like, but no words.
  if (!text.empty() && (text[0] == '{' || text[0] == '[' || text == "True" ||
                        text == "False" || text == "None")) {
    if (const auto strict = strict_json(text)) return *strict;
  }
  return json_quoted(text);
}

void ObjectText::add(std::string_view name, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_ += json_quoted(name);
  text_ += ':';
  text_ += json;
}

std::vector<std::string> names_of(const Tools& tools) {
  std::vector<std::string> names;
  for (const ToolDefinition& tool : tools) names.push_back(tool.name);
  return names;
}

}  // namespace abstractllm::output
