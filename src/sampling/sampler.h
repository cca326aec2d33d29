// From one row of logits to the next token.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sampling/logits_processors.h"
#include "types/resolve.h"

namespace abstractllm::sampling {

struct ScoredToken {
  std::int32_t id = 0;
  double logprob = 0;
  bool operator==(const ScoredToken&) const = default;
};

/// The token that was chosen. Logprobs are natural logarithms of the model's
/// own distribution, before every option; absent unless asked for.
struct TokenChoice {
  std::int32_t id = 0;
  std::optional<double> logprob;
  std::vector<ScoredToken> top;  ///< most probable first, then by id
};

/// Chooses the tokens of one request. After the LogitsProcessors:
///   temperature 0: the greatest logit, of equal ones the lowest id.
///   Otherwise, in the order of transformers' warpers, each over the
///   renormalised rest of the one before:
///     temperature   logits are divided by it;
///     top_k         the k most probable, of equal ones the lower ids;
///     top_p         the fewest most probable that reach the mass p;
///     min_p         those with at least p times the best probability;
///     typical_p     the fewest that reach the mass p in the order of
///                   |-ln(probability) - entropy|;
///   and one of what is left, by its probability.
/// The draw depends on the seed and on the number of tokens generated so far,
/// on nothing else: not on other requests, threads or the machine. One thread
/// at a time.
class Sampler {
 public:
  /// `options` as types::resolve makes them, `end_token_ids` the model's own.
  /// Throws InvalidParameterError for a logit_bias outside the vocabulary.
  Sampler(const types::SamplingOptions& options, std::size_t vocabulary_size,
          std::span<const std::int32_t> end_token_ids = {});

  /// `logits`: the vocabulary's, in the model's units; overwritten. `allowed`:
  /// the ids that may be chosen, all if it is empty. Throws GenerationError for
  /// a logit that is NaN or plus infinity and when no token is left; minus
  /// infinity excludes a token.
  TokenChoice sample(std::span<float> logits, const TokenHistory& history,
                     TokenMask allowed = {});

 private:
  // Filters: each leaves fewer tokens, in weights_ or in the shortlist.
  void narrow(std::span<const float> logits);
  void keep_greatest(std::span<const float> logits, std::size_t count);
  void keep_nucleus();
  void keep_probable();
  void keep_typical(std::span<const float> logits);

  // Moves all tokens of about `least_weight` and more to the shortlist.
  void start_shortlist(float least_weight);
  // Keeps the shortest prefix of the shortlist, ordered by keys_, with `mass`.
  void keep_prefix(double mass);
  template <typename Keep>
  void keep_if(Keep&& keep);
  // The logarithm of a weight.
  float exponent(std::span<const float> logits, std::int32_t id) const;
  double total_weight() const;

  // REQUIRES: `share` in [0, 1).
  std::int32_t draw_from_all(double share) const;
  std::int32_t draw_from_shortlist(double share) const;
  void add_logprobs(TokenChoice& choice);

  const types::SamplingOptions options_;
  const std::size_t vocabulary_size_;
  const float scale_;  // 1 / temperature
  LogitsProcessors processors_;

  // Scratch, kept so that a step allocates nothing.
  std::vector<float> raw_;  // the model's logits
  float max_ = 0;           // of the processed ones
  std::vector<float> block_max_;
  std::vector<double> block_sum_;
  std::vector<float> weights_;  // by id, e^0 the greatest
  double total_ = 0;            // of weights_
  bool has_shortlist_ = false;
  std::vector<std::int32_t> ids_;  // the shortlist, ascending
  std::vector<float> shortlist_;   // their weights
  std::vector<std::uint32_t> keys_;
};

}  // namespace abstractllm::sampling
