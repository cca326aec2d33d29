// Llama 3's calls: bare JSON, <|python_tag|> with JSON or code, <function=f>.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "output/tool_calls/json_calls.h"
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/python_calls.h"
#include "output/tool_calls/tagged.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

constexpr std::string_view kPython = "<|python_tag|>";

// Names under which a tool takes code.
constexpr std::array<std::string_view, 4> kInterpreters{
    "ipython", "python", "code_interpreter", "run_python"};

class LlamaReader : public CallReader {
 public:
  explicit LlamaReader(const Tools& tools)
      : names_(names_of(tools)), types_(tools) {}

  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{{std::string(kPython)},
                                              {"<function="},
                                              {"<tool_call>"},
                                              {"{", true},
                                              {"[", true}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    if (cursor.take("<function=")) return read_function_tag(cursor, types_);
    if (cursor.take("<tool_call>")) return read_tagged(cursor);
    if (cursor.take(kPython)) return read_python_tag(cursor);
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
  static Reading read_tagged(Cursor& cursor) {
    cursor.skip_space();
    if (cursor.rest().empty()) {
      return Reading::undecided(cursor.at_end);
    }
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    auto calls = calls_in_json(value.json);
    if (!calls) return Reading::none();
    const std::size_t end = cursor.at;
    cursor.skip_space();
    if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
    bool taken = false;
    if (!cursor.take_optional("</tool_call>", taken)) return Reading::more();
    return Reading::of(taken ? cursor.at : end, *std::move(calls));
  }

  Reading read_python_tag(Cursor& cursor) const {
    cursor.skip_space();
    if (cursor.rest().empty()) return Reading::undecided(cursor.at_end);
    std::vector<ToolCall> calls;
    if (cursor.rest().starts_with('{') || cursor.rest().starts_with('[')) {
      const Value value = take_value(cursor);
      if (value.state == State::kMore) return Reading::more();
      if (value.state == State::kCalls) {
        if (auto found = calls_in_json(value.json)) calls = *std::move(found);
      }
      if (calls.empty()) return Reading::none();
      // Several, divided by semicolons or with a mark each.
      const std::size_t end = cursor.at;
      cursor.skip_space();
      if (cursor.rest().empty() && !cursor.at_end) return Reading::more();
      if (!cursor.take(";")) return Reading::of(end, std::move(calls));
      Reading next = read_python_tag(cursor);
      if (next.state == State::kMore) return next;
      if (next.state == State::kNone) {
        return Reading::of(end, std::move(calls));
      }
      calls.insert(calls.end(), next.calls.begin(), next.calls.end());
      return Reading::of(next.used, std::move(calls));
    }
    return read_code(cursor);
  }

  // brave_search.call(query="x") is a call of brave_search; other code goes to
  // an interpreter, if there is one. Either ends with the answer.
  Reading read_code(Cursor& cursor) const {
    if (!cursor.at_end) return Reading::more();
    const std::string_view code = cursor.rest();
    Cursor call{code, 0, true};
    const std::string name(take_name(call));
    constexpr std::string_view kCall = ".call";
    if (name.ends_with(kCall)) {
      Cursor whole{code, 0, true};
      Reading reading = read_python_call(whole);
      if (reading.state == State::kCalls) {
        reading.calls[0].name = name.substr(0, name.size() - kCall.size());
        return Reading::of(cursor.text.size(), std::move(reading.calls));
      }
    }
    for (const std::string_view interpreter : kInterpreters) {
      if (std::find(names_.begin(), names_.end(), interpreter) ==
          names_.end()) {
        continue;
      }
      return Reading::of(
          cursor.text.size(),
          {{.name = std::string(interpreter),
            .arguments = "{\"code\":" + json_quoted(code) + "}"}});
    }
    return Reading::none();
  }

  const std::vector<std::string> names_;
  const ParameterTypes types_;
};

}  // namespace

std::unique_ptr<CallReader> make_llama_reader(const Tools& tools) {
  return std::make_unique<LlamaReader>(tools);
}

}  // namespace abstractllm::output
