// A buffer, openers, and a reader that is asked when it may know more.
// SPDX-License-Identifier: Apache-2.0
#include "output/tool_calls/call_parser.h"

#include <algorithm>
#include <utility>

namespace abstractllm::output {

namespace {

constexpr std::string_view kSpace = " \t\r\n";
// A reader looks at each piece while a span is short, and then only when
// something may have ended: otherwise a long argument would be read anew for
// each of its tokens.
constexpr std::size_t kShort = 128;
constexpr std::string_view kEnders = "}])>`";

bool is_space(std::string_view text) {
  return text.find_first_not_of(kSpace) == std::string_view::npos;
}

}  // namespace

CallParser::CallParser(std::shared_ptr<const CallReader> reader)
    : reader_(std::move(reader)) {}

void CallParser::push(std::string_view text, std::vector<CallItem>& out) {
  buffer_.append(text);
  run(false, out);
}

void CallParser::finish(std::vector<CallItem>& out) {
  run(true, out);
  // Space behind the last call is part of its marks.
  if (!(after_call_ && is_space(buffer_))) emit(buffer_.size(), out);
}

void CallParser::run(bool at_end, std::vector<CallItem>& out) {
  while (!buffer_.empty() && step(at_end, out)) {
  }
}

void CallParser::emit(std::size_t count, std::vector<CallItem>& out) {
  if (count == 0) return;
  const std::string_view text = std::string_view(buffer_).substr(0, count);
  if (!is_space(text)) {
    only_calls_ = false;
    after_call_ = false;
  }
  auto* last = out.empty() ? nullptr : std::get_if<TextRun>(&out.back());
  if (last != nullptr && last->begin + last->text.size() == begin_) {
    last->text.append(text);
  } else {
    out.emplace_back(TextRun{std::string(text), begin_});
  }
  drop(count);
}

void CallParser::drop(std::size_t count) {
  buffer_.erase(0, count);
  begin_ += count;
}

const Opener* CallParser::opener_at(std::size_t at) const {
  const std::string_view rest = std::string_view(buffer_).substr(at);
  const bool is_first =
      only_calls_ && is_space(std::string_view(buffer_).substr(0, at));
  for (const Opener& opener : reader_->openers()) {
    if ((is_first || !opener.only_first) && rest.starts_with(opener.text)) {
      return &opener;
    }
  }
  return nullptr;
}

std::size_t CallParser::possible_opener() const {
  const std::string_view text = buffer_;
  const bool is_first = only_calls_;
  std::size_t from = text.size();
  for (const Opener& opener : reader_->openers()) {
    const std::string_view mark = opener.text;
    const std::size_t most = std::min(mark.size() - 1, text.size());
    for (std::size_t length = most; length > 0; --length) {
      const std::size_t at = text.size() - length;
      if (opener.only_first && !(is_first && is_space(text.substr(0, at)))) {
        continue;
      }
      if (mark.starts_with(text.substr(at))) {
        from = std::min(from, at);
        break;
      }
    }
  }
  return from;
}

bool CallParser::step(bool at_end, std::vector<CallItem>& out) {
  if (in_span_) return read_span(at_end, out);
  const std::string_view text = buffer_;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (opener_at(at) == nullptr) continue;
    // Space before a call belongs to it.
    const std::string_view before = text.substr(0, at);
    const std::size_t last = before.find_last_not_of(kSpace);
    const std::size_t kept = last == std::string_view::npos ? 0 : last + 1;
    // It comes back if there is no call.
    if (kept > 0) {
      emit(kept, out);
      return true;
    }
    in_span_ = true;
    looked_ = 0;
    return true;
  }
  if (at_end) return false;
  std::size_t certain = possible_opener();
  const std::size_t last = text.substr(0, certain).find_last_not_of(kSpace);
  certain = last == std::string_view::npos ? 0 : last + 1;
  emit(certain, out);
  return false;
}

bool CallParser::read_span(bool at_end, std::vector<CallItem>& out) {
  const std::string_view fresh = std::string_view(buffer_).substr(looked_);
  const bool may_know_more =
      at_end || buffer_.size() <= kShort ||
      fresh.find_first_of(kEnders) != std::string_view::npos;
  if (!may_know_more) {
    looked_ = buffer_.size();
    return false;
  }
  looked_ = buffer_.size();
  const std::size_t space = buffer_.find_first_not_of(kSpace);
  Reading reading =
      reader_->read(std::string_view(buffer_).substr(space), at_end);
  switch (reading.state) {
    case Reading::State::kMore:
      return false;
    case Reading::State::kNone: {
      in_span_ = false;
      // Past the opener, so that it is not found again.
      emit(space + opener_at(space)->text.size(), out);
      return true;
    }
    case Reading::State::kCalls:
      break;
  }
  for (ToolCall& call : reading.calls) out.emplace_back(std::move(call));
  drop(space + reading.used);
  in_span_ = false;
  after_call_ = true;
  return true;
}

}  // namespace abstractllm::output
