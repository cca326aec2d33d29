// A recursive-descent reader of Python's literals.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/python_calls.h"

#include <algorithm>

#include "output/tool_calls/json_value.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr int kMaxDepth = 64;

bool is_name(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         (!first && ((c >= '0' && c <= '9') || c == '.' || c == '-'));
}

// Reads from a text that may go on. `state` is kCalls as long as all is well.
class Reader {
 public:
  explicit Reader(Cursor& cursor) : cursor_(cursor) {}

  State state = State::kCalls;

  std::optional<char> peek() {
    cursor_.skip_space();
    if (cursor_.rest().empty()) {
      stop(State::kMore);
      return std::nullopt;
    }
    return cursor_.rest().front();
  }

  bool take(char c) {
    const auto next = peek();
    if (!next || *next != c) return false;
    ++cursor_.at;
    return true;
  }

  bool expect(char c) {
    if (take(c)) return true;
    return stop(State::kNone);
  }

  bool stop(State why) {
    if (state == State::kCalls) state = why;
    if (state == State::kMore && cursor_.at_end) state = State::kNone;
    return false;
  }

  std::string name() {
    peek();
    const std::size_t begin = cursor_.at;
    while (cursor_.at < cursor_.text.size() &&
           is_name(cursor_.text[cursor_.at], cursor_.at == begin)) {
      ++cursor_.at;
    }
    if (cursor_.rest().empty()) stop(State::kMore);
    if (cursor_.at == begin) stop(State::kNone);
    return std::string(cursor_.text.substr(begin, cursor_.at - begin));
  }

  // A literal as JSON; empty where there is none.
  std::string value(int depth) {
    const auto first = peek();
    if (!first) return {};
    if (depth > kMaxDepth) {
      stop(State::kNone);
      return {};
    }
    switch (*first) {
      case '"':
      case '\'':
        return json_quoted(string());
      case '[':
        return list('[', ']', depth);
      case '(':
        return list('(', ')', depth);
      case '{':
        return dict(depth);
      default:
        return word();
    }
  }

 private:
  std::string string() {
    const std::string_view rest = cursor_.rest();
    const char quote = rest.front();
    const std::string triple(3, quote);
    const bool may_be_triple =
        rest.size() < 3 && std::string_view(triple).starts_with(rest);
    if (may_be_triple && !cursor_.at_end) {
      stop(State::kMore);
      return {};
    }
    const std::string end =
        rest.starts_with(triple) ? triple : std::string(1, quote);
    cursor_.at += end.size();
    std::string out;
    while (!cursor_.rest().empty()) {
      if (cursor_.take(end)) return out;
      const char c = cursor_.text[cursor_.at++];
      if (c != '\\') {
        out += c;
        continue;
      }
      if (cursor_.rest().empty()) break;
      escape(out);
    }
    stop(State::kMore);
    return {};
  }

  void escape(std::string& out) {
    const char c = cursor_.text[cursor_.at++];
    switch (c) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case '\n':
        break;
      case '\\':
      case '\'':
      case '"':
        out += c;
        break;
      default:
        out += '\\';
        out += c;
    }
  }

  std::string word() {
    const std::size_t begin = cursor_.at;
    constexpr std::string_view kEnd = ",)]}: \t\r\n";
    while (cursor_.at < cursor_.text.size() &&
           kEnd.find(cursor_.text[cursor_.at]) == std::string_view::npos) {
      ++cursor_.at;
    }
    if (cursor_.rest().empty()) {
      stop(State::kMore);
      return {};
    }
    const auto json =
        strict_json(cursor_.text.substr(begin, cursor_.at - begin));
    if (!json) {
      stop(State::kNone);
      return {};
    }
    return *json;
  }

  std::string list(char open, char close, int depth) {
    expect(open);
    std::string out = "[";
    while (state == State::kCalls && !take(close)) {
      if (state != State::kCalls) break;
      if (out.size() > 1) {
        expect(',');
        if (take(close)) break;
        out += ',';
      }
      out += value(depth + 1);
    }
    return out + "]";
  }

  std::string dict(int depth) {
    expect('{');
    ObjectText out;
    bool first = true;
    while (state == State::kCalls && !take('}')) {
      if (state != State::kCalls) break;
      if (!first) {
        expect(',');
        if (take('}')) break;
      }
      first = false;
      const auto quote = peek();
      if (quote && *quote != '"' && *quote != '\'') stop(State::kNone);
      if (state != State::kCalls) break;
      const std::string key = string();
      expect(':');
      const std::string json = value(depth + 1);
      if (state == State::kCalls) out.add(key, json);
    }
    return out.str();
  }

  Cursor& cursor_;
};

}  // namespace

Reading read_python_call(Cursor& cursor) {
  Reader reader(cursor);
  ToolCall call;
  call.name = reader.name();
  reader.expect('(');
  if (reader.state != State::kCalls) return {reader.state};
  if (call.name == "print") {
    Reading inner = read_python_call(cursor);
    if (inner.state != State::kCalls) return inner;
    if (!reader.expect(')')) return {reader.state};
    inner.used = cursor.at;
    return inner;
  }
  if (const auto dot = call.name.rfind('.'); dot != std::string::npos) {
    call.name.erase(0, dot + 1);
  }
  ObjectText arguments;
  bool first = true;
  while (reader.state == State::kCalls && !reader.take(')')) {
    if (reader.state != State::kCalls) break;
    if (!first) {
      reader.expect(',');
      if (reader.take(')')) break;
    }
    first = false;
    const std::string name = reader.name();
    reader.expect('=');
    if (reader.state != State::kCalls) break;
    const std::string json = reader.value(0);
    if (reader.state == State::kCalls) arguments.add(name, json);
  }
  if (reader.state != State::kCalls) return {reader.state};
  call.arguments = arguments.str();
  return Reading::of(cursor.at, {call});
}

Reading read_python_calls(Cursor& cursor) {
  Reader reader(cursor);
  if (!reader.take('[')) {
    if (reader.state != State::kCalls) return {reader.state};
    return read_python_call(cursor);
  }
  std::vector<ToolCall> calls;
  while (!reader.take(']')) {
    if (!calls.empty() && reader.state == State::kCalls) reader.expect(',');
    if (reader.state != State::kCalls) return {reader.state};
    Reading one = read_python_call(cursor);
    if (one.state != State::kCalls) return one;
    calls.push_back(std::move(one.calls.front()));
  }
  return Reading::of(cursor.at, std::move(calls));
}

Reading read_python_calls(Cursor& cursor,
                          const std::vector<std::string>& names) {
  Reading reading = read_python_calls(cursor);
  for (const ToolCall& call : reading.calls) {
    if (std::find(names.begin(), names.end(), call.name) == names.end()) {
      return Reading::none();
    }
  }
  return reading;
}

}  // namespace abstractllm::output
