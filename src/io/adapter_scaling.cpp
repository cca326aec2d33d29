// Reading of scales.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_scaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "abstractllm/error.h"
#include "io/name_pattern.h"

namespace abstractllm::io {
namespace {

double finite(double value, const JsonConfig& config, const char* field) {
  if (std::isfinite(value)) return value;
  throw ModelLoadingError(fmt::format("[adapter] {}: {} is not a finite number",
                                      config.origin(), field));
}

}  // namespace

AdapterScaling::AdapterScaling(const JsonConfig& config, bool is_peft)
    : is_peft_(is_peft) {
  if (!is_peft) {
    const std::string type =
        config.find_string("fine_tune_type").value_or("lora");
    if (type == "full") return;
    if (type != "lora" && type != "dora") {
      throw UnsupportedModelError(
          fmt::format("[adapter] {}: fine_tune_type '{}' is not supported",
                      config.origin(), type),
          "Supported: lora, dora and full.");
    }
    scale_ =
        finite(config.require_object("lora_parameters").require_number("scale"),
               config, "scale");
    return;
  }
  const std::string type = config.find_string("peft_type").value_or("LORA");
  if (type != "LORA") {
    throw UnsupportedModelError(
        fmt::format("[adapter] {}: peft_type '{}' is not supported",
                    config.origin(), type),
        "Supported: LORA, with or without use_dora.");
  }
  const double rank = config.require_number("r");
  alpha_ = finite(config.find_number("lora_alpha").value_or(8), config,
                  "lora_alpha");
  if (!(rank > 0)) {
    throw ModelLoadingError(
        fmt::format("[adapter] {}: r is {}", config.origin(), rank));
  }
  by_root_of_rank_ = config.find_bool("use_rslora").value_or(false);
  if (const auto patterns = config.find_object("alpha_pattern")) {
    for (const std::string& key : patterns->keys()) {
      alpha_patterns_.emplace_back(
          key, finite(patterns->require_number(key), config, key.c_str()));
    }
  }
}

float AdapterScaling::factor(std::string_view module, std::int64_t rank) const {
  if (!is_peft_) return static_cast<float>(scale_);
  const auto own = std::find_if(
      alpha_patterns_.begin(), alpha_patterns_.end(),
      [&](const auto& row) { return matches_module(row.first, module); });
  const double alpha = own == alpha_patterns_.end() ? alpha_ : own->second;
  const auto size = static_cast<double>(rank);
  return static_cast<float>(alpha /
                            (by_root_of_rank_ ? std::sqrt(size) : size));
}

}  // namespace abstractllm::io
