// Headers and bodies, told apart by special tokens.
// SPDX-License-Identifier: Apache-2.0
#include "output/harmony_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "output/reasoning_parser.h"
#include "output/tool_calls/json_value.h"
#include "output/tool_calls/reading_steps.h"

namespace abstractllm::output {

namespace {

constexpr std::string_view kMessage = "<|message|>";
constexpr std::string_view kChannel = "<|channel|>";
constexpr std::string_view kStart = "<|start|>";
// What may end a body; the last two are not passed over.
constexpr std::array<std::string_view, 5> kEnds{"<|end|>", "<|call|>",
                                                "<|return|>", kStart, kChannel};
// Longer ones are none.
constexpr std::size_t kMaxHeader = 512;

// What an answer's first words may be if it has channels.
bool may_be_header(std::string_view text) {
  const std::size_t first =
      std::min(text.find_first_not_of(" \t\r\n"), text.size());
  text.remove_prefix(first);
  for (const std::string_view begin :
       {kChannel, kStart, kMessage, std::string_view("to="),
        std::string_view("<|constrain|>"), std::string_view("assistant")}) {
    if (text.starts_with(begin) || begin.starts_with(text)) return true;
  }
  return false;
}

std::string_view word_after(std::string_view text, std::string_view mark) {
  const std::size_t found = text.find(mark);
  if (found == std::string_view::npos) return {};
  text.remove_prefix(found + mark.size());
  return text.substr(0, text.find_first_of(" \t\r\n<"));
}

// {"name": f, "arguments": {...}} where only the arguments were asked for.
std::string unwrapped(const std::string& json, const std::string& name) {
  const std::vector<std::string> names{name};
  if (json.find("\"arguments\"") == std::string::npos) return json;
  const auto calls = calls_in_json(json, &names);
  return calls && calls->size() == 1 ? calls->front().arguments : json;
}

}  // namespace

std::string HarmonyParser::take(std::size_t count) {
  std::string text = buffer_.substr(0, count);
  buffer_.erase(0, count);
  begin_ += count;
  return text;
}

void HarmonyParser::push(std::string_view text, std::vector<AnswerItem>& out) {
  buffer_.append(text);
  while (!buffer_.empty() && step(false, out)) {
  }
}

void HarmonyParser::finish(std::vector<AnswerItem>& out) {
  while (!buffer_.empty() && step(true, out)) {
  }
  if (place_ == Place::kCall) give_call(out);
  place_ = Place::kHeader;
}

bool HarmonyParser::step(bool at_end, std::vector<AnswerItem>& out) {
  return place_ == Place::kHeader ? read_header(at_end, out)
                                  : read_body(at_end, out);
}

bool HarmonyParser::read_header(bool at_end, std::vector<AnswerItem>& out) {
  const std::size_t end = buffer_.find(kMessage);
  const bool is_short = end == std::string::npos
                            ? buffer_.size() < kMaxHeader + kMessage.size()
                            : end <= kMaxHeader;
  const bool is_header = is_short && may_be_header(buffer_);
  if (!is_header) {
    place_ = Place::kText;
    // A mark that begins no header must not be found again.
    if (buffer_.starts_with('<')) give(1, out);
    return true;
  }
  if (end == std::string::npos) {
    if (!at_end) return false;
    // What is left of a header when the answer ends is no text.
    if (buffer_.starts_with("<|")) {
      take(buffer_.size());
      return false;
    }
    place_ = Place::kText;
    return true;
  }
  header_begin_ = begin_;
  header_ = take(end + kMessage.size());
  recipient_ = word_after(header_, "to=");
  if (recipient_.starts_with("functions.")) recipient_.erase(0, 10);
  const std::string_view channel = word_after(header_, kChannel);
  // "assistant" is whom a tool's result goes to, never a tool.
  if (!recipient_.empty() && recipient_ != "assistant") {
    place_ = Place::kCall;
  } else {
    place_ = channel == "analysis" ? Place::kReasoning : Place::kText;
  }
  return true;
}

bool HarmonyParser::read_body(bool at_end, std::vector<AnswerItem>& out) {
  std::size_t first = std::string::npos;
  std::string_view mark;
  std::size_t held = 0;
  for (const std::string_view end : kEnds) {
    const std::size_t found = buffer_.find(end);
    if (found < first) {
      first = found;
      mark = end;
    }
    held = std::max(held, possible_mark(buffer_, end));
  }
  if (first == std::string::npos) {
    give(at_end ? buffer_.size() : buffer_.size() - held, out);
    return false;
  }
  give(first, out);
  if (place_ == Place::kCall) give_call(out);
  place_ = Place::kHeader;
  if (mark != kStart && mark != kChannel) take(mark.size());
  return true;
}

void HarmonyParser::give(std::size_t count, std::vector<AnswerItem>& out) {
  if (count == 0) return;
  const std::size_t begin = begin_;
  std::string text = take(count);
  if (place_ == Place::kCall) {
    body_ += text;
  } else if (place_ == Place::kReasoning) {
    out.emplace_back(ReasoningRun{std::move(text), begin});
  } else {
    out.emplace_back(TextRun{std::move(text), begin});
  }
}

void HarmonyParser::give_call(std::vector<AnswerItem>& out) {
  const std::string body = std::exchange(body_, {});
  Cursor cursor{body, 0, true};
  cursor.skip_space();
  std::optional<std::string> arguments;
  if (cursor.rest().empty()) {
    arguments = "{}";
  } else if (const Value value = take_value(cursor);
             value.state == Reading::State::kCalls) {
    arguments = arguments_json(value.json);
  }
  if (!arguments) {
    out.emplace_back(TextRun{header_ + body, header_begin_});
    return;
  }
  out.emplace_back(ToolCall{.name = recipient_,
                            .arguments = unwrapped(*arguments, recipient_)});
}

}  // namespace abstractllm::output
