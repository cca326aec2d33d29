// How packed weights lie in memory: panels of 16 rows, one after the other.
// SPDX-License-Identifier: Apache-2.0

// A panel holds its columns in chunks of 256 (the last may be shorter). A
// quantised chunk is its codes, then its scales, then its biases, each part
// padded to 64 bytes. Codes come in tiles of 32 columns; a tile is `bits`
// lines of 64 bytes. Within a line, byte 4 * row + i belongs to `row` and to
// column 4 * q + i of the tile, where the quad q follows from the bits:
//
//   8 bits   line q holds quad q
//   4 bits   line q / 2 holds quad q, in the low half byte if q is even
//   2 bits   line q / 4 holds quad q, at bit 2 * (q % 4)
//   1 bit    the line holds quad q at bit q
//
// 3 bits are the planes 2 + 1, 5 bits 4 + 1, 6 bits 4 + 2, in this order, the
// first plane having the low bits. So a line is what one integer dot
// instruction of AVX-512 takes, and half a line what one of AVX2 takes.
//
// Dense panels are whole columns: for each column the 16 values of the rows
// (f32, f16), or for each pair of columns 16 pairs (bf16, as vdpbf16ps and AMX
// want them).
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu {

inline constexpr int kPanelRows = 16;
inline constexpr int kTileColumns = 32;
inline constexpr int kChunkColumns = 256;
inline constexpr int kChunkTiles = kChunkColumns / kTileColumns;
inline constexpr int kLineBytes = 64;

/// How scales and biases are stored.
enum class ScaleFormat : std::uint8_t {
  kF16,
  kBF16,
  kF32,
  kE8M0,  ///< one byte, the exponent of a power of two
};

constexpr int scale_bytes(ScaleFormat format) {
  switch (format) {
    case ScaleFormat::kF32:
      return 4;
    case ScaleFormat::kE8M0:
      return 1;
    default:
      return 2;
  }
}

/// Code that stands for zero in matrices without stored biases. For mxfp4,
/// whose codes are looked up as 2 * value + 16, likewise.
constexpr int log2_zero_point(WeightEncoding encoding, int bits) {
  return encoding == WeightEncoding::kMxfp4 ? 4 : bits - 1;
}

constexpr std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Where the parts of one chunk of a quantised panel are.
struct ChunkLayout {
  std::int64_t scales = 0;  ///< offset of the scales, in bytes
  std::int64_t biases = 0;  ///< offset of the biases
  std::int64_t bytes = 0;   ///< of the whole chunk
  std::int64_t share = 0;   ///< bytes / tiles, rounded up
};

/// Geometry of a packed matrix. A plain value; what follows from the first
/// three fields is worked out by the constructor, as kernels of a microsecond
/// cannot afford divisions.
struct PanelLayout {
  /// Weights are fetched into the cache this far ahead of their use: the delay
  /// of main memory times what one core can read. Quantised ones, whose parts
  /// are not used in the order in which they are fetched, somewhat farther.
  static constexpr std::int64_t kPrefetchBytes = 4096;
  static constexpr std::int64_t kQuantisedPrefetchBytes = 6144;

  PanelLayout() = default;
  PanelLayout(const WeightShape& weight_shape, ScaleFormat format, bool bias)
      : shape(weight_shape),
        scale_format(format),
        has_bias(bias),
        panel_count((shape.rows + kPanelRows - 1) / kPanelRows),
        tile_count((shape.columns + kTileColumns - 1) / kTileColumns),
        panel_bytes(round_up(shape.columns, 2) * dense_column_bytes()) {
    if (!quantised()) return;
    full_chunk = chunk(kChunkTiles);
    last_chunk = chunk(static_cast<int>(tile_count % kChunkTiles));
    panel_bytes =
        tile_count / kChunkTiles * full_chunk.bytes + last_chunk.bytes;
  }

  WeightShape shape;
  ScaleFormat scale_format = ScaleFormat::kF16;
  bool has_bias = false;  ///< biases are stored, not implied by the scales

  std::int64_t panel_count = 0;
  std::int64_t tile_count = 0;  ///< of a panel
  std::int64_t panel_bytes = 0;
  ChunkLayout full_chunk;  ///< quantised only: of kChunkTiles tiles
  ChunkLayout last_chunk;  ///< of the tiles that are left, maybe none

  bool quantised() const { return shape.group != 0; }
  std::int64_t bytes() const { return panel_count * panel_bytes; }
  std::int64_t chunk_count() const {
    return (tile_count + kChunkTiles - 1) / kChunkTiles;
  }
  int chunk_tiles(std::int64_t index) const {
    return static_cast<int>(
        std::min<std::int64_t>(kChunkTiles, tile_count - index * kChunkTiles));
  }
  const ChunkLayout& chunk_at(std::int64_t index) const {
    return chunk_tiles(index) == kChunkTiles ? full_chunk : last_chunk;
  }

  /// Bytes of a column of a dense panel.
  int dense_column_bytes() const {
    return kPanelRows * (shape.encoding == WeightEncoding::kF32 ? 4 : 2);
  }

 private:
  ChunkLayout chunk(int tiles) const {
    const std::int64_t groups =
        (tiles * kTileColumns + shape.group - 1) / shape.group;
    const std::int64_t part =
        round_up(groups * kPanelRows * scale_bytes(scale_format), kLineBytes);
    const std::int64_t codes =
        static_cast<std::int64_t>(tiles) * shape.bits * kLineBytes;
    const std::int64_t bytes = codes + part * (has_bias ? 2 : 1);
    return {codes, codes + part, bytes,
            tiles > 0 ? (bytes + tiles - 1) / tiles : 0};
  }
};

}  // namespace abstractllm::ops::cpu
