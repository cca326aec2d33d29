// Kernels on dense panels (panel_layout.h), dispatched by Highway.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu {

/// Columns whose products are added up before they go to the sum of a row: what
/// a row gets does not depend on how many rows there are.
inline constexpr int kDenseChunkColumns = 256;

/// `out[row][16] = sum over columns of x[column][row] * panel[column][16]` for
/// a block of `height` (1, 2 or 4) rows, while the panel streams by.
void multiply_dense_panel(WeightEncoding encoding, int height, const float* x,
                          const std::uint8_t* panel, std::int64_t columns,
                          float* out);

/// Widens `columns` (even) columns of a panel to `out[column][16]`.
void widen_panel(WeightEncoding encoding, const std::uint8_t* panel,
                 std::int64_t columns, float* out);

/// Rounds `height` rows, `stride` floats apart, to a block of bf16_kernels.h:
/// to the nearest, ties to even.
void round_block(const float* x, std::int64_t stride, int height,
                 std::int64_t columns, std::uint16_t* out);

}  // namespace abstractllm::ops::cpu
