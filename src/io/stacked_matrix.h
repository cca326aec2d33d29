// Weight matrices on top of each other as one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "io/weight_matrix.h"

namespace abstractllm::io {

/// The rows of all `parts`, in their order. Packed where all are packed alike,
/// dense otherwise. Throws ModelLoadingError where their columns differ.
/// REQUIRES: !parts.empty().
WeightMatrix stack_matrices(std::vector<WeightMatrix> parts);

}  // namespace abstractllm::io
