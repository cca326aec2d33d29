// The table of AbstractLLM's options.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/model_parameter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "abstractllm/error.h"
#include "base/nearest_names.h"

namespace abstractllm {
namespace {

using Json = nlohmann::ordered_json;
using enum ModelParameter;

enum class Place {
  kGeneration,  // a field of GenerationParameters
  kConfig,      // a field of ProviderConfig or its connection
  kElsewhere,   // not a provider's
  kSwitch,      // not a provider's, but false asks for nothing
};

struct Row {
  ModelParameter parameter;
  std::string_view name;
  Place place;
  std::string_view hint{};  // of what is not a provider's
};

constexpr std::array kRows{
    Row{kTemperature, "temperature", Place::kGeneration},
    Row{kMaxTokens, "max_tokens", Place::kGeneration},
    Row{kSystemPrompt, "system_prompt", Place::kElsewhere,
        "Set Request::system_prompt, or SessionState::system_prompt."},
    Row{kTopP, "top_p", Place::kGeneration},
    Row{kTopK, "top_k", Place::kGeneration},
    Row{kFrequencyPenalty, "frequency_penalty", Place::kGeneration},
    Row{kPresencePenalty, "presence_penalty", Place::kGeneration},
    Row{kRepetitionPenalty, "repetition_penalty", Place::kGeneration},
    Row{kStop, "stop", Place::kGeneration},
    Row{kLogitBias, "logit_bias", Place::kGeneration},
    Row{kSeed, "seed", Place::kGeneration},
    Row{kMaxInputTokens, "max_input_tokens", Place::kElsewhere,
        "context_window bounds prompt and answer together; count_tokens says "
        "how long a prompt is."},
    Row{kMaxOutputTokens, "max_output_tokens", Place::kGeneration},
    Row{kContextWindow, "context_window", Place::kConfig},
    Row{kTruncationStrategy, "truncation_strategy", Place::kElsewhere,
        "Set SessionOptions::context_policy."},
    Row{kModel, "model", Place::kConfig},
    Row{kApiKey, "api_key", Place::kConfig},
    Row{kBaseUrl, "base_url", Place::kConfig},
    Row{kTimeout, "timeout", Place::kConfig},
    Row{kRequestTimeout, "request_timeout", Place::kConfig},
    Row{kRetryCount, "retry_count", Place::kElsewhere,
        "Pass the provider to create_retrying."},
    Row{kMaxRetries, "max_retries", Place::kElsewhere,
        "Pass the provider to create_retrying."},
    Row{kOrganization, "organization", Place::kConfig},
    Row{kUser, "user", Place::kElsewhere, "No provider is told of a user."},
    Row{kProxy, "proxy", Place::kConfig},
    Row{kDevice, "device", Place::kConfig},
    Row{kDeviceMap, "device_map", Place::kElsewhere,
        "A model runs on one device: set device."},
    Row{kLoadIn8bit, "load_in_8bit", Place::kSwitch,
        "'allm quantize MODEL OUT --bits 8' makes such a model."},
    Row{kLoadIn4bit, "load_in_4bit", Place::kSwitch,
        "'allm quantize MODEL OUT --bits 4' makes such a model."},
    Row{kCacheDir, "cache_dir", Place::kElsewhere,
        "Set ABSTRACTLLM_MODELS_DIR or HF_HUB_CACHE in the environment."},
    Row{kImage, "image", Place::kElsewhere, "Put an ImagePart in a message."},
    Row{kImages, "images", Place::kElsewhere, "Put ImageParts in a message."},
    Row{kImageDetail, "image_detail", Place::kElsewhere,
        "Set ImagePart::detail."},
    Row{kTools, "tools", Place::kElsewhere,
        "Set Request::tools, or SessionOptions::tools."},
    Row{kToolChoice, "tool_choice", Place::kElsewhere,
        "Set Request::tool_choice, or TurnOptions::tool_choice."},
    Row{kContentFilter, "content_filter", Place::kSwitch,
        "Services filter by their own rules; see ContentFilterError."},
    Row{kModeration, "moderation", Place::kSwitch,
        "Services filter by their own rules; see ContentFilterError."},
    Row{kLoggingEnabled, "logging_enabled", Place::kSwitch,
        "Pass the provider to observe, with trace_to_file."},
};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].parameter) != i) return false;
  }
  return true;
}
static_assert(rows_are_in_order());

[[noreturn]] void throw_wrong_type(std::string_view name, const char* wanted) {
  throw InvalidParameterError(
      fmt::format("[parameters] {} must be {}", name, wanted),
      fmt::format("Give {} {}, or leave it out.", name, wanted));
}

std::string text_of(std::string_view name, const ParameterValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) throw_wrong_type(name, "a text");
  return *text;
}

double seconds_of(std::string_view name, const ParameterValue& value) {
  double seconds = -1;
  if (const auto* number = std::get_if<double>(&value)) seconds = *number;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    seconds = static_cast<double>(*whole);
  }
  if (!std::isfinite(seconds) || seconds < 0) {
    throw_wrong_type(name, "a number of seconds from 0 up");
  }
  return seconds;
}

int tokens_of(std::string_view name, const ParameterValue& value) {
  const auto* tokens = std::get_if<std::int64_t>(&value);
  if (tokens == nullptr || *tokens < 1 ||
      *tokens > std::numeric_limits<int>::max()) {
    throw_wrong_type(name, "a number of tokens from 1 up");
  }
  return static_cast<int>(*tokens);
}

Json json_of(std::string_view name, const ParameterValue& value) {
  if (const auto* biases =
          std::get_if<std::map<std::int32_t, double>>(&value)) {
    Json object = Json::object();
    for (const auto& [id, bias] : *biases) object[std::to_string(id)] = bias;
    return object;
  }
  if (const auto* number = std::get_if<double>(&value)) {
    // JSON has no word for what is no number.
    if (!std::isfinite(*number)) throw_wrong_type(name, "a finite number");
    return *number;
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::get<std::vector<std::string>>(value);
}

// REQUIRES: the row's place is kConfig.
void set_field(const Row& row, const ParameterValue& value,
               ProviderConfig& config) {
  switch (row.parameter) {
    case kModel:
      config.model = text_of(row.name, value);
      return;
    case kApiKey:
      config.connection.api_key = text_of(row.name, value);
      return;
    case kBaseUrl:
      config.connection.base_url = text_of(row.name, value);
      return;
    case kOrganization:
      config.connection.organization = text_of(row.name, value);
      return;
    case kProxy:
      config.connection.proxy = text_of(row.name, value);
      return;
    case kDevice:
      config.device = text_of(row.name, value);
      return;
    case kContextWindow:
      config.context_length = tokens_of(row.name, value);
      return;
    default:
      config.connection.total_timeout = seconds_of(row.name, value);
  }
}

[[noreturn]] void refuse(const Row& row) {
  throw UnsupportedFeatureError(
      fmt::format("[parameters] {} is no option of a provider", row.name),
      std::string(row.hint));
}

void check_alone(const ParameterMap& parameters, ModelParameter one,
                 ModelParameter other) {
  const auto given = [&](ModelParameter parameter) {
    const auto found = parameters.find(parameter);
    return found != parameters.end() &&
           !std::holds_alternative<std::monostate>(found->second);
  };
  if (!given(one) || !given(other)) return;
  throw InvalidParameterError(
      fmt::format("[parameters] {} and {} mean the same", to_string(one),
                  to_string(other)),
      "Give one of them.");
}

}  // namespace

std::string_view to_string(ModelParameter parameter) noexcept {
  return kRows[static_cast<std::size_t>(parameter)].name;
}

ModelParameter parse_model_parameter(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Row& row : kRows) {
    if (row.name == name) return row.parameter;
    known.push_back(row.name);
  }
  const std::string_view nearest = base::nearest_name(name, known);
  throw InvalidParameterError(
      fmt::format("[parameters] unknown parameter '{}'", name.substr(0, 64)),
      (nearest.empty() ? "" : fmt::format("Did you mean {}? ", nearest)) +
          "Known parameters: " + base::join_names(known) + ".");
}

const std::vector<ModelParameter>& model_parameters() {
  static const std::vector<ModelParameter> kAll = [] {
    std::vector<ModelParameter> all;
    for (const Row& row : kRows) all.push_back(row.parameter);
    return all;
  }();
  return kAll;
}

ProviderConfig make_provider_config(const ParameterMap& parameters) {
  check_alone(parameters, kMaxTokens, kMaxOutputTokens);
  check_alone(parameters, kTimeout, kRequestTimeout);
  ProviderConfig config;
  Json generation = Json::object();
  for (const auto& [parameter, value] : parameters) {
    if (std::holds_alternative<std::monostate>(value)) continue;
    const Row& row = kRows[static_cast<std::size_t>(parameter)];
    const bool* flag = std::get_if<bool>(&value);
    switch (row.place) {
      case Place::kGeneration:
        generation[std::string(row.name)] = json_of(row.name, value);
        break;
      case Place::kConfig:
        set_field(row, value, config);
        break;
      case Place::kSwitch:
        if (flag == nullptr) throw_wrong_type(row.name, "true or false");
        if (*flag) refuse(row);
        break;
      case Place::kElsewhere:
        refuse(row);
    }
  }
  config.parameters = parse_generation_parameters(
      generation.dump(-1, ' ', false, Json::error_handler_t::replace));
  return config;
}

}  // namespace abstractllm
