// Negative log-likelihood in chunks, so that the logits of a long text are
// never in memory at once.
// SPDX-License-Identifier: Apache-2.0
#include "engine/perplexity.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::engine {

namespace {

double negative_log_probability(std::span<const float> logits,
                                std::int32_t id) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - top);
  return top + std::log(sum) - logits[static_cast<std::size_t>(id)];
}

}  // namespace

ScoreRun::ScoreRun(const models::Model& model, std::vector<std::int32_t> ids,
                   ScoreOptions options)
    : model_(model),
      ids_(std::move(ids)),
      options_(std::move(options)),
      sequence_(model, options_.adapter) {
  if (ids_.size() < 2) {
    throw InvalidRequestError(
        "[score] " + std::to_string(ids_.size()) +
            " tokens to score, expected at least 2",
        "The first token has nothing before it to be predicted from.");
  }
}

bool ScoreRun::advance() {
  if (options_.cancel.cancelled()) {
    throw CancelledError("[score] cancelled after " + std::to_string(done_) +
                         " of " + std::to_string(ids_.size()) + " tokens");
  }
  const std::span ids(ids_);
  if (sequence_.length() == options_.window) sequence_.reset();
  if (sequence_.length() == 0) {
    // Says how long the window gets, which longrope's rotation depends on.
    sequence_.reuse(ids.subspan(
        done_, std::min<std::size_t>(options_.window, ids.size() - done_)));
  }
  const std::size_t count = std::min<std::size_t>(
      {static_cast<std::size_t>(options_.chunk), ids.size() - done_,
       static_cast<std::size_t>(options_.window - sequence_.length())});
  const bool window_ends =
      sequence_.length() + static_cast<int>(count) == options_.window;
  ops::RowChanges changes;
  options_.adapters.add_rows(options_.adapter, 0, static_cast<int>(count),
                             changes);
  const mlx::core::array logits = [&] {
    const ops::AdapterScope scope(options_.adapters.backend,
                                  std::move(changes));
    return model_.logits(sequence_.advance(ids.subspan(done_, count)));
  }();
  sequence_.evaluate({logits});
  const auto vocabulary = static_cast<std::size_t>(model_.vocabulary_size());
  const float* rows = logits.data<float>();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t next = done_ + i + 1;
    if (next == ids.size() || (window_ends && i + 1 == count)) break;
    score_.negative_log_likelihood += negative_log_probability(
        std::span(rows + i * vocabulary, vocabulary), ids[next]);
    ++score_.tokens;
  }
  done_ += count;
  return done_ + 1 < ids.size();
}

}  // namespace abstractllm::engine
