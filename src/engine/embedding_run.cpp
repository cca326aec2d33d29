// Texts through the model, in steps of bounded size.
// SPDX-License-Identifier: Apache-2.0
#include "engine/embedding_run.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "mlx/ops.h"

namespace abstractllm::engine {

EmbeddingRun::EmbeddingRun(const models::Model& model, EmbeddingJob job,
                           EmbeddingOptions options)
    : model_(model),
      job_(std::move(job)),
      options_(options),
      order_(job_.texts.size()),
      vectors_(job_.texts.size()) {
  for (std::size_t i = 0; i < job_.texts.size(); ++i) {
    if (static_cast<std::size_t>(job_.texts[i].skipped) < length(i)) continue;
    throw InvalidRequestError("[embedding] text " + std::to_string(i + 1) +
                                  " of " + std::to_string(job_.texts.size()) +
                                  " has no tokens to embed",
                              "Give texts that are not empty.");
  }
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::stable_sort(
      order_.begin(), order_.end(),
      [&](std::size_t a, std::size_t b) { return length(a) < length(b); });
}

bool EmbeddingRun::advance() {
  if (job_.cancel.cancelled()) {
    throw CancelledError("[embedding] cancelled after " +
                         std::to_string(next_ - open_.size()) + " of " +
                         std::to_string(job_.texts.size()) + " texts");
  }
  if (open_.empty()) open_texts();
  compute();
  close_texts();
  return !open_.empty() || next_ < order_.size();
}

void EmbeddingRun::open_texts() {
  std::size_t tokens = 0;
  while (next_ < order_.size() &&
         open_.size() < static_cast<std::size_t>(options_.parallel)) {
    const std::size_t text = order_[next_];
    tokens += length(text);
    if (!open_.empty() && tokens > static_cast<std::size_t>(options_.chunk)) {
      break;
    }
    open_.push_back(
        {text, std::make_unique<models::Sequence>(model_), nullptr});
    // Says how long the text gets, which longrope's rotation depends on.
    open_.back().sequence->reuse(job_.texts[text].ids);
    ++next_;
  }
}

// All that is open, or a chunk of one long text.
void EmbeddingRun::compute() {
  std::vector<models::NewTokens> tokens;
  for (Open& open : open_) {
    const std::span ids(job_.texts[open.text].ids);
    const auto done = static_cast<std::size_t>(open.sequence->length());
    const std::size_t most = options_.whole_texts
                                 ? left(open)
                                 : static_cast<std::size_t>(options_.chunk);
    tokens.push_back(
        {open.sequence.get(), ids.subspan(done, std::min(left(open), most))});
  }
  const mlx::core::array hidden = mlx::core::contiguous(mlx::core::astype(
      models::advance_together(model_, tokens, models::TokenKind::kPrompt),
      mlx::core::float32));
  models::evaluate_together({hidden}, tokens);
  const int size = hidden.shape(1);
  const float* row = hidden.data<float>();
  for (std::size_t i = 0; i < open_.size(); ++i) {
    Open& open = open_[i];
    if (!open.pooling) {
      open.pooling = std::make_unique<Pooling>(job_.recipe, size,
                                               job_.texts[open.text].skipped);
    }
    for (std::size_t j = 0; j < tokens[i].ids.size(); ++j, row += size) {
      open.pooling->add(std::span(row, static_cast<std::size_t>(size)));
    }
  }
}

void EmbeddingRun::close_texts() {
  std::erase_if(open_, [&](const Open& open) {
    if (left(open) > 0) return false;
    vectors_[open.text] =
        finish_embedding(job_.recipe, open.pooling->pooled(), job_.dimensions);
    return true;
  });
}

}  // namespace abstractllm::engine
