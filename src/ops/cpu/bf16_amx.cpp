// bf16 panels with AMX tiles: 32 columns of a panel are a tile as they lie
// there, and so are 32 columns of a block of rows.
// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "ops/cpu/amx_tiles.h"
#include "ops/cpu/bf16_kernels.h"
#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
namespace {

constexpr int kTileBytes = kTileColumns * kPanelRows * 2;

// Tiles 0 to 3: sums, [block][panel]; 4 and 5: blocks of rows; 6 and 7: panels.
constexpr TileShapes shapes_for(int height) {
  TileShapes shapes;
  for (const int tile : {0, 1, 2, 3, 4, 5}) shapes.rows[tile] = height;
  for (const int tile : {6, 7}) shapes.rows[tile] = kTileColumns / 2;
  for (int tile = 0; tile < 8; ++tile) shapes.row_bytes[tile] = kLineBytes;
  return shapes;
}

constexpr TileShapes kShapes[4] = {shapes_for(1), shapes_for(2), shapes_for(4),
                                   shapes_for(8)};

// 32 columns of one panel after the other; the last few are completed with
// zeros, since what lies behind them is another panel.
class PanelTiles {
 public:
  PanelTiles(const std::uint8_t* const* panels, int panel_count,
             std::int64_t columns)
      : panels_(panels), whole_(columns / kTileColumns) {
    const std::int64_t rest = columns % kTileColumns;
    if (rest == 0) return;
    std::memset(last_, 0, sizeof(last_));
    for (int p = 0; p < panel_count; ++p) {
      std::memcpy(last_[p], panels[p] + whole_ * kTileBytes,
                  static_cast<std::size_t>((rest + 1) / 2 * kLineBytes));
    }
  }

  const std::uint8_t* at(int panel, std::int64_t tile) const {
    return tile < whole_ ? panels_[panel] + tile * kTileBytes : last_[panel];
  }

 private:
  const std::uint8_t* const* panels_;
  std::int64_t whole_;
  alignas(64) std::uint8_t last_[2][kTileBytes];
};

}  // namespace

ABSTRACTLLM_BEGIN_TARGET(
    ("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,amx-tile,amx-bf16"))
namespace {

// kBlocks blocks of rows, `block_values` of x apart, times kPanels panels.
template <int kBlocks, int kPanels>
void multiply_tiles(const std::uint16_t* x, std::int64_t block_values,
                    int height, const PanelTiles& panels, std::int64_t tiles,
                    float* out) {
  constexpr int kStride = kPanels * kPanelRows * 4;
  float* second = out + height * kPanels * kPanelRows;
  _tile_loadd(0, out, kStride);
  if constexpr (kPanels == 2) _tile_loadd(1, out + kPanelRows, kStride);
  if constexpr (kBlocks == 2) {
    _tile_loadd(2, second, kStride);
    if constexpr (kPanels == 2) _tile_loadd(3, second + kPanelRows, kStride);
  }
  for (std::int64_t t = 0; t < tiles; ++t, x += height * kTileColumns) {
    _tile_loadd(4, x, kLineBytes);
    _tile_loadd(6, panels.at(0, t), kLineBytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kPanels == 2) {
      _tile_loadd(7, panels.at(1, t), kLineBytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kBlocks == 2) {
      _tile_loadd(5, x + block_values, kLineBytes);
      _tile_dpbf16ps(2, 5, 6);
      if constexpr (kPanels == 2) _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, out, kStride);
  if constexpr (kPanels == 2) _tile_stored(1, out + kPanelRows, kStride);
  if constexpr (kBlocks == 2) {
    _tile_stored(2, second, kStride);
    if constexpr (kPanels == 2) _tile_stored(3, second + kPanelRows, kStride);
  }
}

template <int kPanels>
void multiply_rows(const Bf16Rows& rows, const PanelTiles& panels,
                   std::int64_t first_column, std::int64_t tiles, float* out) {
  int configured = 0;
  for (std::int64_t row = 0; row < rows.count;) {
    const int height = block_height(rows.count - row);
    const std::uint16_t* x =
        rows.blocks + row * rows.row_values + first_column * height;
    float* to = out + row * kPanels * kPanelRows;
    if (height != configured) {
      _tile_loadconfig(&kShapes[height_index(height)]);
      configured = height;
    }
    if (height == kMaxBlockRows && rows.count - row >= 2 * kMaxBlockRows) {
      multiply_tiles<2, kPanels>(x, height * rows.row_values, height, panels,
                                 tiles, to);
      row += 2 * height;
    } else {
      multiply_tiles<1, kPanels>(x, 0, height, panels, tiles, to);
      row += height;
    }
  }
  // Tiles in use make switching between threads slow.
  _tile_release();
}

void multiply(const Bf16Rows& rows, const std::uint8_t* const* panels,
              int panel_count, std::int64_t first_column, std::int64_t columns,
              float* out) {
  const PanelTiles of_panels(panels, panel_count, columns);
  const std::int64_t tiles = (columns + kTileColumns - 1) / kTileColumns;
  if (panel_count == 2) {
    multiply_rows<2>(rows, of_panels, first_column, tiles, out);
  } else {
    multiply_rows<1>(rows, of_panels, first_column, tiles, out);
  }
}

}  // namespace
ABSTRACTLLM_END_TARGET

const Bf16Kernels& bf16_kernels_amx() {
  static constexpr Bf16Kernels kKernels = {"amx-bf16", &multiply};
  return kKernels;
}

}  // namespace abstractllm::ops::cpu

#endif
