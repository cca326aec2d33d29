// Four states over a short buffer.
// SPDX-License-Identifier: Apache-2.0
#include "output/reasoning_parser.h"

#include <algorithm>
#include <utility>

namespace abstractllm::output {

namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::size_t leading_space(std::string_view text) {
  return std::min(text.find_first_not_of(kSpace), text.size());
}

// Bytes up to and with the last one that is no space.
std::size_t without_trailing_space(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kSpace);
  return last == std::string_view::npos ? 0 : last + 1;
}

}  // namespace

std::size_t possible_mark(std::string_view text, std::string_view mark) {
  for (std::size_t length = std::min(mark.size() - 1, text.size()); length > 0;
       --length) {
    if (mark.starts_with(text.substr(text.size() - length))) return length;
  }
  return 0;
}

ReasoningParser::ReasoningParser(std::string begin, std::string end, bool open)
    : begin_mark_(std::move(begin)),
      end_mark_(std::move(end)),
      state_(open                  ? State::kInside
             : begin_mark_.empty() ? State::kText
                                   : State::kBefore) {}

std::string ReasoningParser::take(std::size_t count) {
  std::string text = buffer_.substr(0, count);
  buffer_.erase(0, count);
  begin_ += count;
  return text;
}

void ReasoningParser::push(std::string_view text,
                           std::vector<AnswerItem>& out) {
  buffer_.append(text);
  while (!buffer_.empty() && step(false, out)) {
  }
}

void ReasoningParser::finish(std::vector<AnswerItem>& out) {
  while (!buffer_.empty() && step(true, out)) {
  }
}

bool ReasoningParser::step(bool at_end, std::vector<AnswerItem>& out) {
  switch (state_) {
    case State::kBefore:
      return step_before(at_end);
    case State::kInside:
      return step_inside(at_end, out);
    case State::kBehind:
      take(leading_space(buffer_));
      if (!buffer_.empty()) state_ = State::kText;
      return true;
    case State::kText: {
      const std::size_t begin = begin_;
      out.emplace_back(TextRun{take(buffer_.size()), begin});
      return true;
    }
  }
  return false;
}

bool ReasoningParser::step_before(bool at_end) {
  const std::string_view rest =
      std::string_view(buffer_).substr(leading_space(buffer_));
  if (rest.starts_with(begin_mark_)) {
    take(buffer_.size() - rest.size() + begin_mark_.size());
    state_ = State::kInside;
    return true;
  }
  // Some say at once that they have not thought.
  if (rest.starts_with(end_mark_)) {
    take(buffer_.size() - rest.size() + end_mark_.size());
    state_ = State::kBehind;
    return true;
  }
  if (!at_end && (std::string_view(begin_mark_).starts_with(rest) ||
                  std::string_view(end_mark_).starts_with(rest))) {
    return false;
  }
  state_ = State::kText;
  return true;
}

bool ReasoningParser::step_inside(bool at_end, std::vector<AnswerItem>& out) {
  if (!has_reasoning_) {
    take(leading_space(buffer_));
    // An open mark in the prompt does not keep models from writing it again.
    if (!at_end && std::string_view(begin_mark_).starts_with(buffer_)) {
      return false;
    }
    if (!begin_mark_.empty() && buffer_.starts_with(begin_mark_)) {
      take(begin_mark_.size());
      return true;
    }
  }
  const std::size_t end = buffer_.find(end_mark_);
  const bool ends = end != std::string::npos;
  const std::string_view text = buffer_;
  std::size_t certain = ends     ? end
                        : at_end ? text.size()
                                 : text.size() - possible_mark(text, end_mark_);
  const std::size_t gap = certain;
  certain = without_trailing_space(text.substr(0, certain));
  if (certain > 0) {
    const std::size_t begin = begin_;
    out.emplace_back(ReasoningRun{take(certain), begin});
    has_reasoning_ = true;
  }
  if (ends) {
    take(gap - certain + end_mark_.size());
    state_ = State::kBehind;
    return true;
  }
  if (at_end) take(buffer_.size());
  return false;
}

}  // namespace abstractllm::output
