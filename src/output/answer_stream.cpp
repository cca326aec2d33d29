// The parser, stop texts, and logprobs beside the text that they belong to.
// SPDX-License-Identifier: Apache-2.0
#include "output/answer_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace abstractllm::output {

namespace {

// splitmix64: ids that look random and follow from the seed.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

AnswerStream::AnswerStream(AnswerOptions options)
    : parser_(make_answer_parser(options.format)),
      text_(std::move(options.stops)),
      one_call_(options.one_call),
      id_seed_(options.id_seed) {}

void AnswerStream::push(std::string_view piece,
                        std::optional<TokenLogprob> logprob,
                        std::vector<Event>& out) {
  if (logprob) pending_.push_back({read_, *std::move(logprob)});
  read_ += piece.size();
  std::vector<AnswerItem> items;
  parser_->push(piece, items);
  show(std::move(items), out);
}

void AnswerStream::finish(std::vector<Event>& out) {
  if (stopped()) return;
  std::vector<AnswerItem> items;
  parser_->finish(items);
  show(std::move(items), out);
  if (stopped()) return;
  // Tokens without text, as the end token, that follow the text.
  for (Pending& each : pending_) {
    if (each.begin == shown_) add(text_.push("", std::move(each.logprob)), out);
  }
  add(text_.finish(), out);
}

void AnswerStream::show(std::vector<AnswerItem> items,
                        std::vector<Event>& out) {
  for (AnswerItem& item : items) {
    if (stopped()) return;
    if (const auto* run = std::get_if<TextRun>(&item)) {
      show_text(*run, out);
    } else if (auto* thought = std::get_if<ReasoningRun>(&item)) {
      out.emplace_back(ReasoningDelta{std::move(thought->text)});
    } else {
      ToolCall call = std::get<ToolCall>(std::move(item));
      complete_id(call);
      out.emplace_back(std::move(call));
    }
  }
}

void AnswerStream::show_text(const TextRun& run, std::vector<Event>& out) {
  const std::size_t end = run.begin + run.text.size();
  // Those of marks and reasoning.
  while (!pending_.empty() && pending_.front().begin < run.begin) {
    pending_.pop_front();
  }
  shown_ = end;
  std::size_t at = run.begin;
  while (!pending_.empty() && pending_.front().begin < end) {
    const std::string_view text = run.text;
    Pending next = std::move(pending_.front());
    pending_.pop_front();
    // Text before the token, then the token up to the next one.
    if (next.begin > at) {
      add(text_.push(text.substr(at - run.begin, next.begin - at)), out);
    }
    const std::size_t until =
        pending_.empty() ? end : std::min(pending_.front().begin, end);
    add(text_.push(text.substr(next.begin - run.begin, until - next.begin),
                   std::move(next.logprob)),
        out);
    at = until;
  }
  if (at < end) add(text_.push(run.text.substr(at - run.begin)), out);
}

void AnswerStream::add(std::optional<TextDelta> delta,
                       std::vector<Event>& out) {
  if (delta) out.emplace_back(*std::move(delta));
}

void AnswerStream::complete_id(ToolCall& call) {
  ++calls_;
  if (!call.id.empty()) return;
  const auto number = static_cast<std::uint64_t>(calls_);
  call.id = fmt::format("call_{:08x}", mixed(id_seed_ + number) & 0xffffffff);
}

}  // namespace abstractllm::output
