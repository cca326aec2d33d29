// Kernels on quantised panels, one set for each instruction set.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/cpu_features.h"
#include "ops/cpu/panel_layout.h"

namespace abstractllm::ops::cpu {

/// Activations as integers, in blocks of `height` rows. With one plane an
/// integer has 8 bits, with two it is 256 * high + low, both of them int8. For
/// each tile of 32 columns a block has, one after the other:
///   int8   values[planes][height][32]    the high plane first
///   float  scale[height]       value = scale * integer
///   int32  negated_sum[height]      of the 32 integers
///   int32  negated_first[height]    of the first 16 integers
///   float  sum[height]         scale * sum of the 32 integers
/// No int8 is -128, so that every instruction set may negate them.
inline constexpr int kMaxBlockRows = 8;
/// Rows of the block that begins where `left` rows are left.
constexpr int block_height(std::int64_t left) {
  return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}
/// Bytes of a tile for each of its rows.
constexpr int quantised_tile_bytes(int planes) {
  return planes * kTileColumns + 16;
}

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

/// A chunk of a panel with a byte for each code, for products with many rows.
struct ExpandedChunk {
  alignas(64) std::uint8_t codes[kChunkTiles][kTileColumns / 4][kLineBytes];
  /// Of each tile, or of each half of one with groups of 16.
  float scales[2 * kChunkTiles][kPanelRows];
  float biases[2 * kChunkTiles][kPanelRows];
};

/// Lays out one chunk of a panel.
using ExpandKernel = void (*)(const PanelLayout& layout,
                              const std::uint8_t* chunk, int tile_count,
                              ExpandedChunk& out);

/// Panels that Int8GemmKernel multiplies at once.
inline constexpr int kGemmPanels = 2;

/// Rows of activations in blocks of 8, then 4, 2 and 1 for the rest.
struct GemmRows {
  const std::int8_t* blocks = nullptr;  ///< the block of the first row
  std::int64_t row_bytes = 0;           ///< of all tiles of a row
  std::int64_t count = 0;
};

/// Adds the rows times a chunk of kGemmPanels panels, which begins at tile
/// `first_tile`, to `out[row * 32 + row of the panels]`. `zero_shift` is
/// log2_zero_point().
using Int8GemmKernel = void (*)(const ExpandedChunk* panels, int tile_count,
                                int zero_shift, const GemmRows& rows,
                                std::int64_t first_tile, float* out);

/// Kernels of one instruction set. Indices come from kernel_index().
struct Int8Kernels {
  static constexpr int kEncodings = 7;
  const char* name;
  /// [encoding][planes - 1][0..3] for blocks of 1, 2, 4 and 8 rows.
  Int8PanelKernel multiply[kEncodings][2][4];
  UnpackKernel unpack[kEncodings];
  /// For many rows; null where `multiply` does as well.
  ExpandKernel expand[kEncodings];
  /// [planes - 1][has biases][groups of 16]
  Int8GemmKernel gemm[2][2][2];
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
const Int8Kernels& int8_kernels_amx();
#elif defined(__aarch64__)
const Int8Kernels& int8_kernels_neon();
const Int8Kernels& int8_kernels_neon_dot();
#endif

}  // namespace abstractllm::ops::cpu
