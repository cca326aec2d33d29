// Products of many rows of two planes with AMX tiles: the expanded codes of 32
// columns of a panel are a tile as they lie there, and so are both planes of a
// block of 8 rows. One plane, and scales for 16 columns, leave so much of a
// tile empty that the dot product of AVX-512 is as fast.
// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

#include "ops/cpu/amx_tiles.h"
#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
namespace {

constexpr int kBlockRows = 8;
constexpr int kPlanes = 2;

// Tiles 0 and 1: products with two panels; 2: rows of activations; 3 and 4:
// 32 columns of the panels.
constexpr TileShapes make_shapes() {
  TileShapes shapes;
  for (const int tile : {0, 1, 2}) shapes.rows[tile] = kPlanes * kBlockRows;
  for (const int tile : {3, 4}) shapes.rows[tile] = kTileColumns / 4;
  for (const int tile : {0, 1, 3, 4}) shapes.row_bytes[tile] = kLineBytes;
  shapes.row_bytes[2] = kTileColumns;
  return shapes;
}

constexpr TileShapes kShapes = make_shapes();

}  // namespace

ABSTRACTLLM_BEGIN_TARGET(
    ("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,amx-tile,"
     "amx-int8"))
namespace {

template <bool kBias>
struct TileProduct {
  __m512 sum[kBlockRows][kGemmPanels];
  alignas(
      64) std::int32_t products[kGemmPanels][kPlanes * kBlockRows][kPanelRows];

  ABSTRACTLLM_ALWAYS_INLINE void multiply(const ExpandedChunk* panels, int t,
                                          const std::int8_t* values) {
    _tile_loadd(2, values, kTileColumns);
    _tile_loadd(3, panels[0].codes[t], kLineBytes);
    _tile_loadd(4, panels[1].codes[t], kLineBytes);
    _tile_zero(0);
    _tile_zero(1);
    _tile_dpbsud(0, 2, 3);
    _tile_dpbsud(1, 2, 4);
    _tile_stored(0, products[0], kLineBytes);
    _tile_stored(1, products[1], kLineBytes);
  }

  ABSTRACTLLM_ALWAYS_INLINE void add(const ExpandedChunk* panels, int t,
                                     int zero_shift, const float* x_scale) {
    const auto* negated =
        reinterpret_cast<const std::int32_t*>(x_scale) + kBlockRows;
    const float* x_sum = x_scale + 3 * kBlockRows;
    const __m128i shift = _mm_cvtsi32_si128(zero_shift);
    ABSTRACTLLM_UNROLL
    for (int p = 0; p < kGemmPanels; ++p) {
      const __m512 scale = _mm512_load_ps(panels[p].scales[t]);
      const __m512 bias = _mm512_load_ps(panels[p].biases[t]);
      ABSTRACTLLM_UNROLL
      for (int m = 0; m < kBlockRows; ++m) {
        const __m512i high = _mm512_load_si512(products[p][m]);
        __m512i dot =
            _mm512_add_epi32(_mm512_load_si512(products[p][kBlockRows + m]),
                             _mm512_slli_epi32(high, 8));
        if constexpr (!kBias) {
          dot = _mm512_add_epi32(
              dot, _mm512_sll_epi32(_mm512_set1_epi32(negated[m]), shift));
        }
        sum[m][p] =
            _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(dot), scale),
                            _mm512_set1_ps(x_scale[m]), sum[m][p]);
        if constexpr (kBias) {
          sum[m][p] =
              _mm512_fmadd_ps(bias, _mm512_set1_ps(x_sum[m]), sum[m][p]);
        }
      }
    }
  }

  ABSTRACTLLM_ALWAYS_INLINE void run(const ExpandedChunk* panels, int tiles,
                                     int zero_shift, const std::int8_t* block,
                                     float* out) {
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kBlockRows; ++m) {
      ABSTRACTLLM_UNROLL
      for (int p = 0; p < kGemmPanels; ++p) {
        sum[m][p] = _mm512_loadu_ps(out + (m * kGemmPanels + p) * kPanelRows);
      }
    }
    for (int t = 0; t < tiles; ++t) {
      multiply(panels, t, block);
      add(panels, t, zero_shift,
          reinterpret_cast<const float*>(block +
                                         kPlanes * kBlockRows * kTileColumns));
      block += kBlockRows * quantised_tile_bytes(kPlanes);
    }
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kBlockRows; ++m) {
      ABSTRACTLLM_UNROLL
      for (int p = 0; p < kGemmPanels; ++p) {
        _mm512_storeu_ps(out + (m * kGemmPanels + p) * kPanelRows, sum[m][p]);
      }
    }
  }
};

template <bool kBias>
void multiply_tiles(const ExpandedChunk* panels, int tiles, int zero_shift,
                    const GemmRows& rows, std::int64_t first_tile, float* out) {
  const std::int64_t whole = rows.count / kBlockRows * kBlockRows;
  if (whole > 0) {
    // Each thread has tiles of its own; they are given back at once, since
    // tiles in use make switching between threads slow.
    _tile_loadconfig(&kShapes);
    for (std::int64_t row = 0; row < whole; row += kBlockRows) {
      const std::int8_t* block =
          rows.blocks + row * rows.row_bytes +
          first_tile * kBlockRows * quantised_tile_bytes(kPlanes);
      TileProduct<kBias> product;
      product.run(panels, tiles, zero_shift, block,
                  out + row * kGemmPanels * kPanelRows);
    }
    _tile_release();
  }
  if (whole == rows.count) return;
  const GemmRows rest = {rows.blocks + whole * rows.row_bytes, rows.row_bytes,
                         rows.count - whole};
  int8_kernels_avx512_vnni().gemm[kPlanes - 1][kBias ? 1 : 0][0](
      panels, tiles, zero_shift, rest, first_tile,
      out + whole * kGemmPanels * kPanelRows);
}

}  // namespace
ABSTRACTLLM_END_TARGET

const Int8Kernels& int8_kernels_amx() {
  static const Int8Kernels kernels = [] {
    Int8Kernels all = int8_kernels_avx512_vnni();
    all.name = "amx";
    all.gemm[kPlanes - 1][0][0] = &multiply_tiles<false>;
    all.gemm[kPlanes - 1][1][0] = &multiply_tiles<true>;
    return all;
  }();
  return kernels;
}

}  // namespace abstractllm::ops::cpu

#endif
