// Sampling and length options: typed, optional, layered.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/export.h"

namespace abstractllm {

/// Options of one generation. A field that is absent takes the value of the
/// next layer: call, session, provider, the model's own generation_config or
/// family default, library default (in parentheses). A plain value.
struct ABSTRACTLLM_API GenerationParameters {
  /// 0 is exactly greedy; (0, 2] is used as given. (0.7)
  std::optional<double> temperature{};
  /// Keep the k most probable tokens; 0 keeps all. (0)
  std::optional<int> top_k{};
  /// Nucleus sampling, (0, 1]. arXiv:1904.09751. (1)
  std::optional<double> top_p{};
  /// Drop tokens below min_p times the best probability, [0, 1].
  /// arXiv:2407.01082. (0)
  std::optional<double> min_p{};
  /// Locally typical sampling, (0, 1]. arXiv:2202.00666. (1)
  std::optional<double> typical_p{};
  /// Divides positive and multiplies negative logits of seen tokens, (0, 10].
  /// arXiv:1909.05858. (1)
  std::optional<double> repetition_penalty{};
  /// Subtracted once from every token already generated, [-2, 2]. (0)
  std::optional<double> presence_penalty{};
  /// Subtracted per occurrence among the generated tokens, [-2, 2]. (0)
  std::optional<double> frequency_penalty{};
  /// How many latest tokens, prompt included, the repetition penalty looks at;
  /// 0 looks at all. (64)
  std::optional<int> repetition_window{};
  /// Token id to a number in [-100, 100] that is added to its logit. (none)
  std::optional<std::map<std::int32_t, double>> logit_bias{};
  /// Makes sampling repeatable; belongs to the request alone. (random)
  std::optional<std::uint64_t> seed{};
  /// Texts that end the answer; never part of it. At most 16, none empty.
  std::optional<std::vector<std::string>> stop{};
  /// Token ids that end the answer, beside the model's own.
  std::optional<std::vector<std::int32_t>> stop_token_ids{};
  /// Most tokens to generate, at least 1. (what the context leaves)
  std::optional<int> max_tokens{};
  /// No end token before that many tokens. (0)
  std::optional<int> min_tokens{};
  /// Generate on past the model's end tokens. (false)
  std::optional<bool> ignore_eos{};
  /// Report the log-probability of each generated token. (false)
  std::optional<bool> logprobs{};
  /// And of that many most probable alternatives, 0 to 20. (0)
  std::optional<int> top_logprobs{};
  /// AbstractLLM's rule: a temperature out of range is moved into
  /// [0.01, 2.0] instead of being refused. (false)
  std::optional<bool> clamp_parameters{};

  bool operator==(const GenerationParameters&) const = default;
};

/// `upper` where it has a value, else `lower`, field by field.
ABSTRACTLLM_API GenerationParameters overlay(const GenerationParameters& upper,
                                             const GenerationParameters& lower);

/// Throws InvalidParameterError naming field, value and range of the first
/// field that is out of range.
ABSTRACTLLM_API void validate(const GenerationParameters& parameters);

/// Reads a JSON object, null meaning absent. Throws InvalidParameterError for
/// an unknown field, a wrong type (a number in quotes is one) or a value out
/// of range. Accepts the aliases max_output_tokens and max_completion_tokens
/// for max_tokens, and a single string for stop.
ABSTRACTLLM_API GenerationParameters
parse_generation_parameters(std::string_view json);

/// The present fields as a JSON object.
ABSTRACTLLM_API std::string to_json(const GenerationParameters& parameters);

/// Sets one field from text as a person types it ("0.2", "true", "a,b" is one
/// stop text). Throws InvalidParameterError for an unknown name, listing the
/// known ones, and for a bad value.
ABSTRACTLLM_API void set_parameter(GenerationParameters& parameters,
                                   std::string_view name,
                                   std::string_view value);

/// Names of all fields, in declaration order.
ABSTRACTLLM_API const std::vector<std::string_view>& parameter_names();

}  // namespace abstractllm
