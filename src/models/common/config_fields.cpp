// Checked fields of config.json.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/config_fields.h"

#include <algorithm>
#include <string>

#include "abstractllm/error.h"

namespace abstractllm::models {

namespace {

constexpr int kMaxDimension = 1 << 22;

}  // namespace

int require_size(const io::JsonConfig& config, const char* field) {
  const auto value = config.require_int(field);
  if (value < 1 || value > kMaxDimension) {
    throw ModelLoadingError("[config] " + std::string(field) + " is " +
                            std::to_string(value) + ", expected 1 to " +
                            std::to_string(kMaxDimension));
  }
  return static_cast<int>(value);
}

int size_or(const io::JsonConfig& config, const char* field, int otherwise) {
  return config.has(field) ? require_size(config, field) : otherwise;
}

int shared_width(const io::JsonConfig& config, const char* field, int inner,
                 int otherwise) {
  const auto count = config.find_int(field).value_or(otherwise);
  if (count < 0 || count > kMaxDimension / std::max(inner, 1)) {
    throw ModelLoadingError("[config] " + std::string(field) + " is " +
                            std::to_string(count) + ", expected 0 to " +
                            std::to_string(kMaxDimension / std::max(inner, 1)) +
                            " of a width of " + std::to_string(inner));
  }
  return static_cast<int>(count) * inner;
}

float number_or(const io::JsonConfig& config, const char* field,
                double otherwise) {
  return static_cast<float>(config.find_number(field).value_or(otherwise));
}

float number_unless_null(const io::JsonConfig& config, const char* field,
                         double otherwise) {
  return config.is_null(field) ? 0.0f : number_or(config, field, otherwise);
}

bool flag_or(const io::JsonConfig& config, const char* field, bool otherwise) {
  if (config.is_null(field)) return false;
  return config.find_bool(field).value_or(otherwise);
}

ops::Activation read_activation(const io::JsonConfig& config, const char* field,
                                const char* otherwise) {
  const std::string name = config.find_string(field).value_or(otherwise);
  if (name == "silu" || name == "swish") return ops::Activation::kSilu;
  if (name == "gelu") return ops::Activation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" ||
      name == "gelu_fast") {
    return ops::Activation::kGeluTanh;
  }
  if (name == "quick_gelu") return ops::Activation::kQuickGelu;
  if (name == "relu") return ops::Activation::kRelu;
  if (name == "relu2") return ops::Activation::kReluSquared;
  throw ModelLoadingError("[config] activation '" + name + "' is not supported",
                          "Supported: silu, gelu, gelu_new, gelu_fast, "
                          "gelu_pytorch_tanh, quick_gelu, relu, relu2.");
}

void require_silu(const io::JsonConfig& config, const char* field) {
  if (read_activation(config, field) == ops::Activation::kSilu) return;
  throw ModelLoadingError("[config] " + std::string(field) + " is '" +
                              config.require_string(field) +
                              "', which recurrent layers do not support",
                          "Supported: silu.");
}

}  // namespace abstractllm::models
