// A tower's work cut into slices.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "mlx/array.h"

namespace abstractllm::vision {

/// Hidden states behind each layer, in the order of their computation. Whoever
/// evaluates them one by one does the work of a layer at a time.
using Stages = std::vector<mlx::core::array>;

}  // namespace abstractllm::vision
