// How a model's weights are stored, tensor by tensor.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/backend_limits.h"
#include "io/weight_source.h"

namespace abstractllm::engine {

/// A plain value.
struct WeightSummary {
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
  /// Parameters by their form: "4 bits, groups of 64", "BF16".
  std::map<std::string, std::uint64_t> forms{};
  std::map<MatmulShape, int> products{};  ///< with the number of each
};

/// Looks at shapes and types alone. `left_out`: tensors that do not count, as
/// no model reads them.
WeightSummary summarise_weights(const io::WeightSource& weights,
                                const std::vector<std::string>& left_out = {});

/// The form of most parameters, then what others have at least a hundredth:
/// "mxfp4, groups of 32; 9 % BF16". Empty without weights.
std::string describe_forms(const WeightSummary& summary);

}  // namespace abstractllm::engine
