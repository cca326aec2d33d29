// Bare and fenced JSON, for models that have no marks.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_calls.h"

#include <algorithm>
#include <array>

#include "output/tool_calls/json_value.h"
#include "output/tool_calls/python_calls.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

// Keys that a call may begin with.
constexpr std::array<std::string_view, 11> kKeys{
    "name",      "type",           "function", "tool_calls", "parameters",
    "arguments", "function_calls", "id",       "tool_name",  "tool_call_id",
    "args"};

// Of a fence: its mark and a word.
constexpr std::size_t kMaxFirstLine = 64;

// Whether the first key of the first object is that of no call.
bool is_other(std::string_view text) {
  Cursor cursor{text, 0, false};
  cursor.skip_space();
  if (cursor.take("[")) cursor.skip_space();
  if (cursor.rest().empty()) return false;
  if (!cursor.take("{")) return true;
  cursor.skip_space();
  if (cursor.rest().empty()) return false;
  const char quote = cursor.rest().front();
  if (quote != '"' && quote != '\'') return true;
  ++cursor.at;
  const auto key = take_until(cursor, std::string_view(&quote, 1));
  if (!key) return cursor.rest().size() > 32;
  return std::find(kKeys.begin(), kKeys.end(), *key) == kKeys.end();
}

class JsonReader : public CallReader {
 public:
  explicit JsonReader(const Tools& tools) : names_(names_of(tools)) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{
        {"{", true}, {"[", true}, {"```json", true}, {"<tool_call>"}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    if (text.starts_with("```")) return read_fence(cursor, names_);
    if (!text.starts_with('<')) return read_json_calls(cursor, names_);
    cursor.take("<tool_call>");
    cursor.skip_space();
    if (cursor.rest().empty()) {
      return Reading::undecided(at_end);
    }
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    auto calls = calls_in_json(value.json);
    if (!calls) return Reading::none();
    const std::size_t end = cursor.at;
    cursor.skip_space();
    if (cursor.rest().empty() && !at_end) return Reading::more();
    bool taken = false;
    if (!cursor.take_optional("</tool_call>", taken)) return Reading::more();
    return Reading::of(taken ? cursor.at : end, *std::move(calls));
  }

 private:
  const std::vector<std::string> names_;
};

class GemmaReader : public CallReader {
 public:
  explicit GemmaReader(const Tools& tools) : names_(names_of(tools)) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{
        {"```tool_code"}, {"```tool_call"}, {"```json"},
        {"```python"},    {"{", true},      {"[", true}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    if (text.starts_with("```")) return read_fence(cursor, names_);
    if (text.starts_with('[')) {
      Cursor list{text, 1, at_end};
      list.skip_space();
      if (list.rest().empty() && !at_end) return Reading::more();
      if (!list.rest().starts_with('{'))
        return read_python_calls(cursor, names_);
    }
    return read_json_calls(cursor, names_);
  }

 private:
  const std::vector<std::string> names_;
};

}  // namespace

Reading read_json_calls(Cursor& cursor, const std::vector<std::string>& names) {
  if (is_other(cursor.rest())) return Reading::none();
  const Value value = take_value(cursor);
  if (value.state != State::kCalls) return {value.state};
  auto calls = calls_in_json(value.json, &names);
  if (!calls) return Reading::none();
  // Llama divides several by a semicolon.
  const std::size_t end = cursor.at;
  cursor.skip_space();
  if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
  const bool divided = cursor.take(";");
  return Reading::of(divided ? cursor.at : end, *std::move(calls));
}

Reading read_fence(Cursor& cursor, const std::vector<std::string>& names) {
  const auto first_line = take_until(cursor, "\n");
  const std::string_view seen = first_line.value_or(cursor.rest());
  if (seen.size() > kMaxFirstLine) return Reading::none();
  if (!first_line) return Reading::undecided(cursor.at_end);
  Cursor inside = cursor;
  inside.skip_space();
  if (inside.rest().empty()) {
    return Reading::undecided(cursor.at_end);
  }
  const char first = inside.rest().front();
  if ((first == '{' || first == '[') && is_other(inside.rest()) &&
      first == '{') {
    return Reading::none();
  }
  const std::size_t begin = cursor.at;
  auto body = take_until(cursor, "```");
  if (!body) {
    if (!cursor.at_end) return Reading::more();
    body = cursor.text.substr(begin);
    cursor.at = cursor.text.size();
  }
  Cursor content{*body, 0, true};
  content.skip_space();
  std::vector<ToolCall> calls;
  while (!content.rest().empty()) {
    Cursor json = content;
    Reading one = read_json_calls(json, names);
    if (one.state == State::kCalls) {
      content = json;
    } else {
      one = read_python_calls(content);
    }
    if (one.state != State::kCalls) return Reading::none();
    for (ToolCall& call : one.calls) {
      if (std::find(names.begin(), names.end(), call.name) == names.end()) {
        return Reading::none();
      }
      calls.push_back(std::move(call));
    }
    content.skip_space();
  }
  if (calls.empty()) return Reading::none();
  return Reading::of(cursor.at, std::move(calls));
}

std::unique_ptr<CallReader> make_json_reader(const Tools& tools) {
  return std::make_unique<JsonReader>(tools);
}

std::unique_ptr<CallReader> make_gemma_reader(const Tools& tools) {
  return std::make_unique<GemmaReader>(tools);
}

}  // namespace abstractllm::output
