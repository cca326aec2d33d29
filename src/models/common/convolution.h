// Stored convolutions over time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "models/common/weight_reader.h"
#include "ops/recurrent.h"

namespace abstractllm::models {

/// `module`.weight, (channels, 1, kernel) or mlx-lm's (channels, kernel, 1),
/// and `module`.bias where there is one. Throws ModelLoadingError.
ops::CausalConvolution read_convolution(const WeightReader& weights,
                                        const std::string& module, int channels,
                                        int kernel);

}  // namespace abstractllm::models
