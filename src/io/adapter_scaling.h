// The factor of an adapter's products, as its config states it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/json_config.h"

namespace abstractllm::io {

/// Immutable; thread-safe.
class AdapterScaling {
 public:
  /// Throws UnsupportedModelError for a kind of adapter other than LoRA and
  /// DoRA, and ModelLoadingError for fields that make no sense.
  AdapterScaling(const JsonConfig& config, bool is_peft);

  /// What multiplies up * down of `module`, which has this `rank`. mlx-lm's
  /// "scale"; PEFT's alpha / rank, with rslora alpha / sqrt(rank), where alpha
  /// may be the module's own (alpha_pattern).
  float factor(std::string_view module, std::int64_t rank) const;

 private:
  double scale_ = 1;  // mlx-lm
  bool is_peft_;
  double alpha_ = 0;
  bool by_root_of_rank_ = false;
  std::vector<std::pair<std::string, double>> alpha_patterns_;
};

}  // namespace abstractllm::io
