// AbstractLLM's names of options, and a provider set up by them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "abstractllm/export.h"
#include "abstractllm/factory.h"

namespace abstractllm {

/// The options of AbstractLLM for Python. Not all belong to a provider here;
/// make_provider_config says where the others went.
enum class ModelParameter {
  // Of each answer.
  kTemperature,
  kMaxTokens,
  kSystemPrompt,
  kTopP,
  kTopK,
  kFrequencyPenalty,
  kPresencePenalty,
  kRepetitionPenalty,
  kStop,
  kLogitBias,
  kSeed,
  // How long texts may be.
  kMaxInputTokens,
  kMaxOutputTokens,
  kContextWindow,
  kTruncationStrategy,
  // How a service is reached.
  kModel,
  kApiKey,
  kBaseUrl,
  kTimeout,
  kRequestTimeout,
  kRetryCount,
  kMaxRetries,
  kOrganization,
  kUser,
  kProxy,
  // How a local model is loaded.
  kDevice,
  kDeviceMap,
  kLoadIn8bit,
  kLoadIn4bit,
  kCacheDir,
  // What goes with a prompt, and the rest.
  kImage,
  kImages,
  kImageDetail,
  kTools,
  kToolChoice,
  kContentFilter,
  kModeration,
  kLoggingEnabled,
};

/// "temperature", "max_tokens", ...
ABSTRACTLLM_API std::string_view to_string(ModelParameter parameter) noexcept;
/// Inverse of to_string. Throws InvalidParameterError with the nearest name.
ABSTRACTLLM_API ModelParameter parse_model_parameter(std::string_view name);
/// All of them, in declaration order.
ABSTRACTLLM_API const std::vector<ModelParameter>& model_parameters();

/// Python's None, and what else an option may be. A single text will do for a
/// list of texts, and a whole number for a number.
using ParameterValue =
    std::variant<std::monostate, bool, std::int64_t, double, std::string,
                 std::vector<std::string>, std::map<std::int32_t, double>>;

/// Options by name. A plain value.
using ParameterMap = std::map<ModelParameter, ParameterValue>;

/// What create_llm takes. None is as if it were not there, and so is `false`
/// for a switch that does not exist. Throws InvalidParameterError for a value
/// of another type or out of range and for two options that mean the same, and
/// UnsupportedFeatureError for an option that is none of a provider here; its
/// hint says where to turn. Thread-safe.
ABSTRACTLLM_API ProviderConfig
make_provider_config(const ParameterMap& parameters);

}  // namespace abstractllm
