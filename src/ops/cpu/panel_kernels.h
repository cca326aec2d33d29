// Small steps of the linear kernels, dispatched by Highway.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu {

/// `out[row][16 * panel_count] += sum over columns of x[column][row] *
/// panels[..][column][16]` for a block of `height` (1, 2, 4 or 8) rows of x and
/// one or two panels.
void multiply_f32_panels(int height, const float* x, const float* const* panels,
                         int panel_count, std::int64_t columns, float* out);

/// Quantises `height` rows, `stride` floats apart, into the block layout of
/// int8_kernels.h with one or two planes. Columns are padded with zeros to
/// whole tiles.
void quantise_block(const float* x, std::int64_t stride, int height,
                    std::int64_t columns, int planes, std::int8_t* out);

/// What is applied to the gate of a gated linear unit.
enum class GateKind : std::uint8_t {
  kSilu,
  kGeluTanh,
  kGeluErf,
  kReluSquared,
  kRelu,
  kQuickGelu,  ///< x * sigmoid(1.702 x)
};

/// `out[i] = activation(gate[i]) * up[i]` for 16 values.
void gate_16(GateKind kind, const float* gate, const float* up, float* out);

}  // namespace abstractllm::ops::cpu
