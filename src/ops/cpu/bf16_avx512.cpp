// bf16 panels with AVX-512 and its dot product of pairs of bf16.
// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "ops/cpu/bf16_kernels.h"
#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/simd_target.h"

namespace abstractllm::ops::cpu {
ABSTRACTLLM_BEGIN_TARGET(
    ("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))
namespace {

constexpr int kTilePairs = kTileColumns / 2;

ABSTRACTLLM_ALWAYS_INLINE __m512bh pair_of(const std::uint16_t* x) {
  std::int32_t word;
  std::memcpy(&word, x, sizeof(word));
  return (__m512bh)_mm512_set1_epi32(word);
}

template <int kHeight, int kPanels>
struct Product {
  __m512 sum[kHeight][kPanels];

  ABSTRACTLLM_ALWAYS_INLINE void add_pair(const std::uint8_t* const* panels,
                                          std::int64_t offset,
                                          const std::uint16_t* x) {
    __m512bh w[kPanels];
    ABSTRACTLLM_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      w[p] = (__m512bh)_mm512_load_si512(panels[p] + offset);
    }
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kHeight; ++m) {
      const __m512bh value = pair_of(x + m * kTileColumns);
      ABSTRACTLLM_UNROLL
      for (int p = 0; p < kPanels; ++p) {
        sum[m][p] = _mm512_dpbf16_ps(sum[m][p], w[p], value);
      }
    }
  }

  ABSTRACTLLM_ALWAYS_INLINE void run(const std::uint16_t* x,
                                     const std::uint8_t* const* panels,
                                     std::int64_t pairs, float* out) {
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kHeight; ++m) {
      ABSTRACTLLM_UNROLL
      for (int p = 0; p < kPanels; ++p) {
        sum[m][p] = _mm512_loadu_ps(out + (m * kPanels + p) * kPanelRows);
      }
    }
    std::int64_t offset = 0;
    for (; pairs > 0; pairs -= kTilePairs) {
      const int here =
          static_cast<int>(pairs < kTilePairs ? pairs : kTilePairs);
      for (int i = 0; i < here; ++i, offset += kLineBytes) {
        ABSTRACTLLM_UNROLL
        for (int p = 0; p < kPanels; ++p) {
          __builtin_prefetch(panels[p] + offset + PanelLayout::kPrefetchBytes);
        }
        add_pair(panels, offset, x + 2 * i);
      }
      x += kHeight * kTileColumns;
    }
    ABSTRACTLLM_UNROLL
    for (int m = 0; m < kHeight; ++m) {
      ABSTRACTLLM_UNROLL
      for (int p = 0; p < kPanels; ++p) {
        _mm512_storeu_ps(out + (m * kPanels + p) * kPanelRows, sum[m][p]);
      }
    }
  }
};

template <int kHeight>
void multiply_block(const std::uint16_t* x, const std::uint8_t* const* panels,
                    int panel_count, std::int64_t pairs, float* out) {
  if (panel_count == 2) {
    Product<kHeight, 2>().run(x, panels, pairs, out);
  } else {
    Product<kHeight, 1>().run(x, panels, pairs, out);
  }
}

void multiply(const Bf16Rows& rows, const std::uint8_t* const* panels,
              int panel_count, std::int64_t first_column, std::int64_t columns,
              float* out) {
  const std::int64_t pairs = (columns + 1) / 2;
  for (std::int64_t row = 0; row < rows.count;) {
    const int height = block_height(rows.count - row);
    const std::uint16_t* x =
        rows.blocks + row * rows.row_values + first_column * height;
    float* to = out + row * panel_count * kPanelRows;
    switch (height) {
      case 1:
        multiply_block<1>(x, panels, panel_count, pairs, to);
        break;
      case 2:
        multiply_block<2>(x, panels, panel_count, pairs, to);
        break;
      case 4:
        multiply_block<4>(x, panels, panel_count, pairs, to);
        break;
      default:
        multiply_block<8>(x, panels, panel_count, pairs, to);
    }
    row += height;
  }
}

}  // namespace
ABSTRACTLLM_END_TARGET

const Bf16Kernels& bf16_kernels_avx512() {
  static constexpr Bf16Kernels kKernels = {"avx512-bf16", &multiply};
  return kKernels;
}

}  // namespace abstractllm::ops::cpu

#endif
