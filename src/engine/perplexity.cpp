// Negative log-likelihood in chunks, so that the logits of a long text are
// never in memory at once.
// SPDX-License-Identifier: Apache-2.0
#include "engine/perplexity.h"

#include <algorithm>
#include <cmath>

#include "abstractllm/error.h"
#include "models/sequence.h"

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

Score score_tokens(const models::Model& model,
                   std::span<const std::int32_t> ids,
                   const ScoreOptions& options) {
  if (ids.size() < 2) {
    throw InvalidRequestError(
        "[score] " + std::to_string(ids.size()) +
            " tokens to score, expected at least 2",
        "The first token has nothing before it to be predicted from.");
  }
  const auto vocabulary = static_cast<std::size_t>(model.vocabulary_size());
  Score score;
  models::Sequence sequence(model);
  std::size_t done = 0;
  while (done + 1 < ids.size()) {
    if (options.cancel.cancelled() || options.shutdown.cancelled()) {
      throw CancelledError("[score] cancelled after " + std::to_string(done) +
                           " of " + std::to_string(ids.size()) + " tokens");
    }
    if (sequence.length() == options.window) sequence.reset();
    if (sequence.length() == 0) {
      // Says how long the window gets, which longrope's rotation depends on.
      sequence.reuse(ids.subspan(
          done, std::min<std::size_t>(options.window, ids.size() - done)));
    }
    const std::size_t count = std::min<std::size_t>(
        {static_cast<std::size_t>(options.chunk), ids.size() - done,
         static_cast<std::size_t>(options.window - sequence.length())});
    const bool window_ends =
        sequence.length() + static_cast<int>(count) == options.window;
    const mlx::core::array logits =
        model.logits(sequence.advance(ids.subspan(done, count)));
    sequence.evaluate({logits});
    const float* rows = logits.data<float>();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t next = done + i + 1;
      if (next == ids.size() || (window_ends && i + 1 == count)) break;
      score.negative_log_likelihood += negative_log_probability(
          std::span(rows + i * vocabulary, vocabulary), ids[next]);
      ++score.tokens;
    }
    done += count;
  }
  return score;
}

}  // namespace abstractllm::engine
