// Rows of floats of 8 and 4 bits with scales of their own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "io/stored_tensor.h"
#include "io/weight_matrix.h"

namespace abstractllm::io {

/// e4m3 bytes (outputs, inputs) times `scales`: one number, one a row, or one
/// a tile of `block` (rows, columns), ceil(outputs / rows) x ceil(inputs /
/// columns) of them. Throws ModelLoadingError for other shapes.
WeightMatrix read_fp8(const StoredTensor& weight, const StoredTensor& scales,
                      std::array<std::int64_t, 2> block);

/// What the one scale of a matrix does to those of its groups.
enum class GlobalScale : std::uint8_t { kDivides, kMultiplies };

/// e2m1 codes, two a byte, (outputs, inputs / 2) in U8; e4m3 scales (outputs,
/// inputs / 16), and `global_scale`, one number.
WeightMatrix read_nvfp4_rows(const StoredTensor& weight,
                             const StoredTensor& scales,
                             const StoredTensor& global_scale,
                             GlobalScale does);

}  // namespace abstractllm::io
