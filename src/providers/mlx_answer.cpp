// Tokens to text, text to events.
// SPDX-License-Identifier: Apache-2.0
#include "providers/mlx_answer.h"

#include <utility>
#include <variant>

namespace abstractllm::providers {

MlxAnswer::MlxAnswer(const engine::ModelPackage& package,
                     const PreparedRequest& request,
                     const types::SamplingOptions& options,
                     const EventSink& sink)
    : package_(package),
      marks_(request.marks),
      decoder_(package.tokenizer, /* skip_special = */ false),
      answer_({.format = request.format,
               .stops = options.stop,
               .one_call = request.one_call,
               .id_seed = options.seed}),
      sink_(sink) {}

bool MlxAnswer::take(const engine::TokenStep& step) {
  ids_.push_back(step.id);
  std::optional<TokenLogprob> logprob = step.logprob;
  if (logprob) fill_bytes(*logprob);
  std::vector<Event> events;
  answer_.push(piece_of(step), std::move(logprob), events);
  show(std::move(events));
  return !answer_.stopped() && !left_;
}

void MlxAnswer::finish(engine::GenerationEnd end) {
  if (!answer_.stopped()) {
    std::vector<Event> events;
    answer_.push(decoder_.finish(), std::nullopt, events);
    answer_.finish(events);
    show(std::move(events));
  }
  Finished finished{.reason = end.reason,
                    .stop_text = std::string(answer_.stop_text()),
                    .usage = end.usage,
                    .timings = end.timings,
                    .token_ids = std::move(ids_)};
  // Tokens that were computed ahead of a stop text do not count.
  finished.usage.completion_tokens =
      static_cast<int>(finished.token_ids.size());
  if (answer_.stopped()) finished.reason = FinishReason::kStop;
  if (answer_.calls() > 0 && finished.reason == FinishReason::kStop) {
    finished.reason = FinishReason::kToolCalls;
  }
  if (left_) finished.reason = FinishReason::kCancelled;
  sink_(finished);
}

// Special tokens have no text, but for the marks of calls and reasoning.
std::string MlxAnswer::piece_of(const engine::TokenStep& step) {
  const bool hidden =
      package_.tokenizer.is_special(step.id) && !marks_.contains(step.id);
  return step.ends || hidden ? "" : decoder_.push(step.id);
}

void MlxAnswer::fill_bytes(TokenLogprob& logprob) const {
  logprob.bytes = package_.tokenizer.token_bytes(logprob.token_id);
  for (auto& alternative : logprob.top) {
    alternative.bytes = package_.tokenizer.token_bytes(alternative.token_id);
  }
}

void MlxAnswer::show(std::vector<Event> events) {
  for (Event& event : events) {
    if (!left_) left_ = !sink_(event);
  }
}

ChannelReader::~ChannelReader() {
  if (!ended_) drain();
}

std::optional<engine::TokenStep> ChannelReader::next() {
  engine::EngineEvent event = channel_->pop();
  if (auto* step = std::get_if<engine::TokenStep>(&event)) {
    return std::move(*step);
  }
  end_ = std::get<engine::GenerationEnd>(std::move(event));
  ended_ = true;
  return std::nullopt;
}

engine::GenerationEnd ChannelReader::drain() {
  channel_->close();
  while (!ended_) next();
  return std::move(end_);
}

}  // namespace abstractllm::providers
