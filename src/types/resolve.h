// From layered, optional parameters to the concrete options of one request.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "abstractllm/parameters.h"

namespace abstractllm::types {

/// As many tokens as the context leaves.
inline constexpr int kUnlimitedTokens = std::numeric_limits<int>::max();

/// GenerationParameters with every question answered; the initial values are
/// the library's defaults, the meaning of each field is documented there. A
/// value made by `resolve` is in range throughout. A plain value.
struct SamplingOptions {
  double temperature = 0.7;
  int top_k = 0;
  double top_p = 1;
  double min_p = 0;
  double typical_p = 1;
  double repetition_penalty = 1;
  double presence_penalty = 0;
  double frequency_penalty = 0;
  int repetition_window = 64;
  std::map<std::int32_t, double> logit_bias;
  std::uint64_t seed = 0;
  std::vector<std::string> stop;
  std::vector<std::int32_t> stop_token_ids;
  int max_tokens = kUnlimitedTokens;
  int min_tokens = 0;
  bool ignore_eos = false;
  bool logprobs = false;
  int top_logprobs = 0;

  bool operator==(const SamplingOptions&) const = default;
};

/// Where the seed of a request without one comes from.
using SeedSource = std::function<std::uint64_t()>;

/// Each field from the first layer that has it: `call` (a session's defaults
/// already laid under it), `provider`, `model`, library default. Throws
/// InvalidParameterError where a value that counts is out of range; with
/// clamp_parameters a finite temperature is moved into [0.01, 2.0] instead.
/// `draw_seed` is called only when no layer has a seed.
SamplingOptions resolve(const GenerationParameters& call,
                        const GenerationParameters& provider,
                        const GenerationParameters& model,
                        const SeedSource& draw_seed);

}  // namespace abstractllm::types
