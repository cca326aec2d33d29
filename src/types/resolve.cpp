// Layering, library defaults, clamping and the seed, in one place.
// SPDX-License-Identifier: Apache-2.0
#include "types/resolve.h"

#include <algorithm>

#include "types/parameter_fields.h"

namespace abstractllm::types {

SamplingOptions resolve(const GenerationParameters& call,
                        const GenerationParameters& provider,
                        const GenerationParameters& model,
                        const SeedSource& draw_seed) {
  const GenerationParameters merged = overlay(call, overlay(provider, model));
  validate(merged);
  SamplingOptions options;
  const auto take = [](auto& option, const auto& value) {
    if (value) option = *value;
  };
  take(options.temperature, merged.temperature);
  take(options.top_k, merged.top_k);
  take(options.top_p, merged.top_p);
  take(options.min_p, merged.min_p);
  take(options.typical_p, merged.typical_p);
  take(options.repetition_penalty, merged.repetition_penalty);
  take(options.presence_penalty, merged.presence_penalty);
  take(options.frequency_penalty, merged.frequency_penalty);
  take(options.repetition_window, merged.repetition_window);
  take(options.logit_bias, merged.logit_bias);
  take(options.stop, merged.stop);
  take(options.stop_token_ids, merged.stop_token_ids);
  take(options.max_tokens, merged.max_tokens);
  take(options.min_tokens, merged.min_tokens);
  take(options.ignore_eos, merged.ignore_eos);
  take(options.top_logprobs, merged.top_logprobs);
  options.logprobs = merged.logprobs.value_or(options.top_logprobs > 0);
  options.seed = merged.seed ? *merged.seed : draw_seed();
  if (merged.clamp_parameters.value_or(false)) {
    options.temperature = std::clamp(
        options.temperature, kClampedTemperatureLow, kClampedTemperatureHigh);
  }
  return options;
}

}  // namespace abstractllm::types
