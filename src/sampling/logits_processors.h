// What the options of a request do to its logits before a token is drawn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "types/resolve.h"

namespace abstractllm::sampling {

/// The tokens of one sequence so far: the prompt, then what was generated.
struct TokenHistory {
  std::span<const std::int32_t> tokens;
  std::size_t prompt_tokens = 0;  ///< at most tokens.size()

  std::span<const std::int32_t> generated() const {
    return tokens.subspan(prompt_tokens);
  }
};

/// A set of token ids: bit i % 32 of word i / 32 says whether id i is in it.
/// Ids behind its end are not.
using TokenMask = std::span<const std::uint32_t>;

/// Changes one row of logits in place, in the order of mlx-lm and
/// transformers:
///   1. logit_bias is added;
///   2. repetition_penalty, once for each distinct id among the latest
///      repetition_window tokens, prompt included: positive logits are divided
///      by it, negative ones multiplied;
///   3. presence_penalty and frequency_penalty are subtracted for the ids that
///      were generated, the latter as often as they occur;
///   4. end tokens are masked with minus infinity before min_tokens;
///   5. so is every id that is not in the mask, if there is one.
/// Ids of the history outside the vocabulary (image places) are passed over.
/// One request has one; one thread at a time.
class LogitsProcessors {
 public:
  /// `end_token_ids`: the model's own; min_tokens masks them and the request's
  /// stop_token_ids. Throws InvalidParameterError for a logit_bias of an id
  /// outside the vocabulary.
  LogitsProcessors(const types::SamplingOptions& options,
                   std::size_t vocabulary_size,
                   std::span<const std::int32_t> end_token_ids);

  /// REQUIRES: `logits` has the vocabulary's size.
  void apply(std::span<float> logits, const TokenHistory& history,
             TokenMask allowed);

 private:
  struct Bias {
    std::size_t id;
    float value;
  };

  void penalise_repetition(std::span<float> logits,
                           std::span<const std::int32_t> tokens);
  void penalise_presence(std::span<float> logits,
                         std::span<const std::int32_t> generated);
  // Calls `change(id, occurrences)` once for each distinct id.
  template <typename Change>
  void for_each_distinct(std::span<const std::int32_t> tokens, Change&& change);

  const std::size_t vocabulary_size_;
  const float repetition_penalty_;
  const double presence_penalty_;
  const double frequency_penalty_;
  const std::size_t repetition_window_;
  const std::size_t min_tokens_;
  std::vector<Bias> biases_;
  std::vector<std::size_t> end_ids_;
  std::vector<std::uint32_t> counts_;  // by id; zero between calls
};

}  // namespace abstractllm::sampling
