// Matrices whose rows are multiples of stored ones.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "io/weight_matrix.h"

namespace abstractllm::convert {

/// `matrix`, dense, with each row times its factor; a single one goes for all.
/// Throws ModelLoadingError if there is not one a row.
io::WeightMatrix scaled(const io::WeightMatrix& matrix,
                        std::vector<float> factors);

}  // namespace abstractllm::convert
