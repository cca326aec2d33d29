// Kernels on quantised panels, one set for each instruction set.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/cpu_features.h"
#include "ops/cpu/panel_layout.h"

namespace abstractllm::ops::cpu {

/// Activations quantised to int8, in blocks of `height` rows. For each tile of
/// 32 columns a block has, one after the other:
///   int8   values[height][32]
///   float  scale[height]       value = scale * int8
///   int32  negated_sum[height]      of the 32 integers
///   int32  negated_first[height]    of the first 16 integers
///   float  sum[height]         scale * sum of the 32 integers
inline constexpr int kMaxBlockRows = 8;
inline constexpr int kQuantisedTileBytes = kTileColumns + 16;

/// Multiplies `height` rows of activations with the 16 rows of a panel:
/// `out[row * 16 + panel_row]`.
using Int8PanelKernel = void (*)(const PanelLayout& layout,
                                 const std::uint8_t* panel,
                                 const std::int8_t* block, float* out);

/// Decodes one chunk of a panel: `out[column * 16 + panel_row]`, for
/// 32 * tile_count columns.
using UnpackKernel = void (*)(const PanelLayout& layout,
                              const std::uint8_t* chunk, int tile_count,
                              float* out);

/// Kernels of one instruction set. Indices come from kernel_index().
struct Int8Kernels {
  static constexpr int kEncodings = 7;
  const char* name;
  /// [encoding][0..3] for blocks of 1, 2, 4 and 8 rows.
  Int8PanelKernel multiply[kEncodings][4];
  UnpackKernel unpack[kEncodings];
};

/// Row of the tables for a quantised layout.
constexpr int kernel_index(const WeightShape& shape) {
  if (shape.encoding == WeightEncoding::kMxfp4) return 6;
  return shape.bits == 8 ? 5 : shape.bits - 2;
}

/// Column of Int8Kernels::multiply for a block of 1, 2, 4 or 8 rows.
constexpr int height_index(int height) { return height == 8 ? 3 : height / 2; }

/// The fastest kernels that `features` allows; never null.
const Int8Kernels& int8_kernels(const CpuFeatures& features);

// One per translation unit that is compiled for this architecture.
const Int8Kernels& int8_kernels_portable();
#if defined(__x86_64__)
const Int8Kernels& int8_kernels_sse4();
const Int8Kernels& int8_kernels_avx2();
const Int8Kernels& int8_kernels_avx_vnni();
const Int8Kernels& int8_kernels_avx512();
const Int8Kernels& int8_kernels_avx512_vnni();
#elif defined(__aarch64__)
const Int8Kernels& int8_kernels_neon();
const Int8Kernels& int8_kernels_neon_dot();
#endif

}  // namespace abstractllm::ops::cpu
