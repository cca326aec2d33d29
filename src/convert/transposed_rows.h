// Matrices whose rows are the columns of stored ones.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "io/weight_matrix.h"

namespace abstractllm::convert {

/// `matrix` as `blocks` matrices of equally many rows, one after the other,
/// each turned over: (blocks * inputs, outputs) to (blocks * outputs, inputs).
/// One block at a time is in memory, widened. Throws ModelLoadingError if the
/// rows do not divide.
io::WeightMatrix transposed(const io::WeightMatrix& matrix,
                            std::int64_t blocks);

}  // namespace abstractllm::convert
