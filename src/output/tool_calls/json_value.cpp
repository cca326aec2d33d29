// A scanner of brackets and strings, a repairer, and a reader of shapes.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_value.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/text.h"

namespace abstractllm::output {

namespace {

using Json = nlohmann::ordered_json;

// Deeper ones are refused by the parser behind as well.
constexpr std::size_t kMaxDepth = 256;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (c >= '0' && c <= '9');
}

// Rewrites the lenient form; strings and words are found as in scan_value.
std::string repaired(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  const auto copy_string = [&](char quote) {
    out += '"';
    for (++at; at < text.size() && text[at] != quote; ++at) {
      const char c = text[at];
      if (c == '\\' && at + 1 < text.size()) {
        const char next = text[++at];
        if (next != '\'') out += '\\';
        out += next;
      } else if (c == '\n') {
        out += "\\n";
      } else if (c == '\t') {
        out += "\\t";
      } else if (c == '\r') {
        out += "\\r";
      } else if (c == '"') {
        out += "\\\"";
      } else {
        out += c;
      }
    }
    out += '"';
    ++at;
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      copy_string(c);
    } else if (is_word(c)) {
      const std::size_t begin = at;
      while (at < text.size() && (is_word(text[at]) || text[at] == '.')) ++at;
      const std::string_view word = text.substr(begin, at - begin);
      out += word == "True"    ? "true"
             : word == "False" ? "false"
             : word == "None"  ? "null"
                               : word;
    } else if (c == ',') {
      const std::size_t next = text.find_first_not_of(" \t\r\n", at + 1);
      const bool trails = next != std::string_view::npos &&
                          (text[next] == '}' || text[next] == ']');
      if (!trails) out += c;
      ++at;
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

Json parse_strict(std::string_view text) {
  return base::parse_json(text);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json* find_any(const Json& object,
                     std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = object.find(key);
    if (found != object.end()) return &*found;
  }
  return nullptr;
}

// An object, or the text of one.
std::optional<Json> arguments_of(const Json& value) {
  if (value.is_object()) return value;
  if (value.is_null()) return Json::object();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) return Json::object();
  const auto strict = strict_json(text);
  if (!strict) return std::nullopt;
  Json parsed = parse_strict(*strict);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

bool is_known(const std::string& name, const std::vector<std::string>* names) {
  return names == nullptr ||
         std::find(names->begin(), names->end(), name) != names->end();
}

std::optional<ToolCall> call_of(const Json& object,
                                const std::vector<std::string>* names) {
  // {"type": "function", "function": {"name": ..., "arguments": ...}}
  const Json* function = find_any(object, {"function"});
  if (function != nullptr && function->is_object()) {
    auto call = call_of(*function, names);
    const Json* id = find_any(object, {"id"});
    if (call && id != nullptr && id->is_string()) call->id = *id;
    return call;
  }
  const Json* name = find_any(object, {"name", "tool_name", "function"});
  if (name == nullptr || !name->is_string()) return std::nullopt;
  ToolCall call;
  call.name = *name;
  if (call.name.starts_with("functions.")) call.name.erase(0, 10);
  if (call.name.empty() || !is_known(call.name, names)) return std::nullopt;
  const Json* value =
      find_any(object, {"arguments", "parameters", "args", "input"});
  // Nothing but a name may be any object.
  if (value == nullptr && names == nullptr && object.size() > 1) {
    return std::nullopt;
  }
  const auto arguments = value == nullptr ? std::optional<Json>(Json::object())
                                          : arguments_of(*value);
  if (!arguments) return std::nullopt;
  call.arguments = dump(*arguments);
  const Json* id = find_any(object, {"id", "tool_call_id", "call_id"});
  if (id != nullptr && id->is_string()) call.id = *id;
  return call;
}

}  // namespace

ScanResult scan_value(std::string_view text) {
  if (text.empty()) return {};
  if (text[0] != '{' && text[0] != '[') return {.scan = Scan::kBad};
  std::string closers;  // the innermost last
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == '\\') {
        ++at;
      } else if (c == quote) {
        quote = 0;
      }
      continue;
    }
    if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '{' || c == '[') {
      closers += c == '{' ? '}' : ']';
      if (closers.size() > kMaxDepth) return {.scan = Scan::kBad};
    } else if (c == '}' || c == ']') {
      if (closers.back() != c) return {.scan = Scan::kBad};
      closers.pop_back();
      if (closers.empty()) return {.scan = Scan::kEnd, .end = at + 1};
    }
  }
  std::reverse(closers.begin(), closers.end());
  return {.scan = Scan::kMore,
          .closers = std::move(closers),
          .in_string = quote != 0};
}

std::optional<std::string> strict_json(std::string_view text) {
  if (base::is_json(text)) return std::string(text);
  std::string fixed = repaired(text);
  if (base::is_json(fixed)) return fixed;
  return std::nullopt;
}

std::optional<std::vector<ToolCall>> calls_in_json(
    std::string_view strict, const std::vector<std::string>* names) {
  Json json = parse_strict(strict);
  if (json.is_object()) {
    if (const Json* list = find_any(json, {"tool_calls", "function_calls"})) {
      return calls_in_json(dump(*list), names);
    }
    json = Json::array({json});
  }
  if (!json.is_array() || json.empty()) return std::nullopt;
  std::vector<ToolCall> calls;
  for (const Json& item : json) {
    if (!item.is_object()) return std::nullopt;
    auto call = call_of(item, names);
    if (!call) return std::nullopt;
    calls.push_back(*std::move(call));
  }
  return calls;
}

std::optional<std::vector<ToolCall>> calls_by_name(std::string_view strict) {
  Json json = parse_strict(strict);
  if (json.is_object()) json = Json::array({json});
  if (!json.is_array() || json.empty()) return std::nullopt;
  std::vector<ToolCall> calls;
  for (const Json& item : json) {
    if (!item.is_object() || item.empty()) return std::nullopt;
    for (const auto& [name, value] : item.items()) {
      const auto arguments = arguments_of(value);
      if (name.empty() || !arguments) return std::nullopt;
      calls.push_back({"", name, dump(*arguments)});
    }
  }
  return calls;
}

std::optional<std::string> arguments_json(std::string_view text) {
  const auto strict = strict_json(text);
  if (!strict) return std::nullopt;
  const auto arguments = arguments_of(parse_strict(*strict));
  if (!arguments) return std::nullopt;
  return dump(*arguments);
}

std::string json_quoted(std::string_view text) {
  return dump(Json(std::string(text)));
}

}  // namespace abstractllm::output
