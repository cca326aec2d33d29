// Small steps of the linear kernels, dispatched by Highway.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu {

/// `out[row][16] += sum over columns of x[column][row] * panel[column][16]`
/// for a block of `height` (1, 2, 4 or 8) rows of x.
void multiply_f32_panel(int height, const float* x, const float* panel,
                        std::int64_t columns, float* out);

/// Widens `columns` (even) columns of a dense panel to `out[column][16]`.
void widen_panel(WeightEncoding encoding, const std::uint8_t* panel,
                 std::int64_t columns, float* out);

/// Quantises `height` rows, `stride` floats apart, into the block layout of
/// int8_kernels.h. Columns are padded with zeros to whole tiles.
void quantise_block(const float* x, std::int64_t stride, int height,
                    std::int64_t columns, std::int8_t* out);

/// Splits a row into `rounded`, for each 32 values the nearest multiples of a
/// 127th of the largest, and `rest`, what the rounding left over.
void split_row(const float* x, std::int64_t columns, float* rounded,
               float* rest);

/// What is applied to the gate of a gated linear unit.
enum class GateKind : std::uint8_t {
  kSilu,
  kGeluTanh,
  kGeluErf,
  kReluSquared,
  kRelu,
};

/// `out[i] = activation(gate[i]) * up[i]` for 16 values.
void gate_16(GateKind kind, const float* gate, const float* up, float* out);

}  // namespace abstractllm::ops::cpu
