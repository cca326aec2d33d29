// Lists of Python calls, as LFM 2 and Llama 3.2 and 4 write them.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/python_calls.h"

namespace abstractllm::output {

namespace {

using State = Reading::State;

class PythonicReader : public CallReader {
 public:
  const std::vector<Opener>& openers() const override {
    static const std::vector<Opener> kOpeners{
        {"<|tool_call_start|>"}, {"<|python_start|>"}, {"[", true}};
    return kOpeners;
  }

  Reading read(std::string_view text, bool at_end) const override {
    Cursor cursor{text, 0, at_end};
    std::string_view closer;
    if (cursor.take("<|tool_call_start|>")) closer = "<|tool_call_end|>";
    if (cursor.take("<|python_start|>")) closer = "<|python_end|>";
    Reading reading = read_inside(cursor);
    if (reading.state != State::kCalls || closer.empty()) return reading;
    cursor.skip_space();
    if (cursor.rest().empty() && !at_end) return Reading::more();
    bool taken = false;
    if (!cursor.take_optional(closer, taken)) return Reading::more();
    if (taken) reading.used = cursor.at;
    return reading;
  }

 private:
  static Reading read_inside(Cursor& cursor) {
    cursor.skip_space();
    if (cursor.rest().empty()) {
      return Reading::undecided(cursor.at_end);
    }
    // Asked to, it writes JSON there.
    Cursor json = cursor;
    if (json.take("[")) json.skip_space();
    if (json.rest().empty() && !json.at_end) return Reading::more();
    if (!json.rest().starts_with('{')) return read_python_calls(cursor);
    const Value value = take_value(cursor);
    if (value.state != State::kCalls) return {value.state};
    auto calls = calls_in_json(value.json);
    if (!calls) return Reading::none();
    return Reading::of(cursor.at, *std::move(calls));
  }
};

}  // namespace

std::unique_ptr<CallReader> make_pythonic_reader(const Tools&) {
  return std::make_unique<PythonicReader>();
}

}  // namespace abstractllm::output
