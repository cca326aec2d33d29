// Products of few rows with dense panels, widening and rounding, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/dense_kernels.h"

#include <algorithm>

#include "ops/cpu/highway_config.h"
#include "ops/cpu/panel_layout.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/dense_kernels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

// Fixed at 16 lanes or fewer: a panel is 16 rows on every machine.
using FloatTag = hn::CappedTag<float, kPanelRows>;
using V = hn::Vec<FloatTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

constexpr int column_bytes(WeightEncoding encoding) {
  return kPanelRows * (encoding == WeightEncoding::kF32 ? 4 : 2);
}

// A pair of columns from `pair` on, of the rows from `lane` on.
template <WeightEncoding kEncoding>
HWY_INLINE void load_pair(const std::uint8_t* pair, int lane, V& even, V& odd) {
  const FloatTag d;
  if constexpr (kEncoding == WeightEncoding::kBF16) {
    // The low half of a word is the even column.
    const hn::RebindToUnsigned<FloatTag> words;
    const auto both =
        hn::LoadU(words, reinterpret_cast<const std::uint32_t*>(pair) + lane);
    even = hn::BitCast(d, hn::ShiftLeft<16>(both));
    odd = hn::BitCast(d, hn::And(both, hn::Set(words, 0xffff0000u)));
  } else if constexpr (kEncoding == WeightEncoding::kF16) {
    const hn::Rebind<hwy::float16_t, FloatTag> half;
    const auto* from = reinterpret_cast<const hwy::float16_t*>(pair) + lane;
    even = hn::PromoteTo(d, hn::LoadU(half, from));
    odd = hn::PromoteTo(d, hn::LoadU(half, from + kPanelRows));
  } else {
    const auto* from = reinterpret_cast<const float*>(pair) + lane;
    even = hn::LoadU(d, from);
    odd = hn::LoadU(d, from + kPanelRows);
  }
}

template <WeightEncoding kEncoding>
HWY_INLINE void prefetch_pair(const std::uint8_t* pair) {
  for (int i = 0; i < 2 * column_bytes(kEncoding); i += 64) {
    __builtin_prefetch(pair + PanelLayout::kPrefetchBytes + i);
  }
}

// Rows of a block times the rows of a panel from `lane` on. Even and odd
// columns are summed apart, as panel_kernels.cpp does for many rows.
template <WeightEncoding kEncoding, int kHeight>
HWY_INLINE void multiply_chunk(const float* HWY_RESTRICT x,
                               const std::uint8_t* HWY_RESTRICT panel, int lane,
                               std::int64_t columns, float* HWY_RESTRICT out) {
  const FloatTag d;
  V sum[2][kHeight];
  for (int m = 0; m < kHeight; ++m) {
    sum[0][m] = hn::LoadU(d, out + m * kPanelRows + lane);
    sum[1][m] = hn::Zero(d);
  }
  const auto add = [&](V w, const float* values, V(&to)[kHeight]) HWY_ATTR {
    for (int m = 0; m < kHeight; ++m) {
      to[m] = hn::MulAdd(hn::Set(d, values[m]), w, to[m]);
    }
  };
  V even, odd;
  for (std::int64_t k = 0; k + 2 <= columns; k += 2) {
    prefetch_pair<kEncoding>(panel);
    load_pair<kEncoding>(panel, lane, even, odd);
    add(even, x, sum[0]);
    add(odd, x + kHeight, sum[1]);
    panel += 2 * column_bytes(kEncoding);
    x += 2 * kHeight;
  }
  if (columns % 2 != 0) {
    load_pair<kEncoding>(panel, lane, even, odd);
    add(even, x, sum[0]);
  }
  for (int m = 0; m < kHeight; ++m) {
    hn::StoreU(hn::Add(sum[0][m], sum[1][m]), d, out + m * kPanelRows + lane);
  }
}

template <WeightEncoding kEncoding, int kHeight>
void multiply_panel(const float* x, const std::uint8_t* panel,
                    std::int64_t columns, float* out) {
  std::fill_n(out, kHeight * kPanelRows, 0.0f);
  for (std::int64_t c = 0; c < columns; c += kDenseChunkColumns) {
    const std::int64_t here =
        std::min<std::int64_t>(kDenseChunkColumns, columns - c);
    for (int lane = 0; lane < kPanelRows; lane += kLanes) {
      multiply_chunk<kEncoding, kHeight>(x + c * kHeight,
                                         panel + c * column_bytes(kEncoding),
                                         lane, here, out);
    }
  }
}

template <WeightEncoding kEncoding>
void multiply_height(int height, const float* x, const std::uint8_t* panel,
                     std::int64_t columns, float* out) {
  switch (height) {
    case 1:
      return multiply_panel<kEncoding, 1>(x, panel, columns, out);
    case 2:
      return multiply_panel<kEncoding, 2>(x, panel, columns, out);
    default:
      return multiply_panel<kEncoding, 4>(x, panel, columns, out);
  }
}

void MultiplyDense(WeightEncoding encoding, int height, const float* x,
                   const std::uint8_t* panel, std::int64_t columns,
                   float* out) {
  switch (encoding) {
    case WeightEncoding::kBF16:
      return multiply_height<WeightEncoding::kBF16>(height, x, panel, columns,
                                                    out);
    case WeightEncoding::kF16:
      return multiply_height<WeightEncoding::kF16>(height, x, panel, columns,
                                                   out);
    default:
      return multiply_height<WeightEncoding::kF32>(height, x, panel, columns,
                                                   out);
  }
}

template <WeightEncoding kEncoding>
void widen(const std::uint8_t* panel, std::int64_t columns, float* out) {
  const FloatTag d;
  for (std::int64_t c = 0; c < columns; c += 2) {
    const std::uint8_t* pair = panel + c * column_bytes(kEncoding);
    prefetch_pair<kEncoding>(pair);
    for (int lane = 0; lane < kPanelRows; lane += kLanes) {
      V even, odd;
      load_pair<kEncoding>(pair, lane, even, odd);
      hn::StoreU(even, d, out + c * kPanelRows + lane);
      hn::StoreU(odd, d, out + (c + 1) * kPanelRows + lane);
    }
  }
}

void Widen(WeightEncoding encoding, const std::uint8_t* panel,
           std::int64_t columns, float* out) {
  encoding == WeightEncoding::kF16
      ? widen<WeightEncoding::kF16>(panel, columns, out)
      : widen<WeightEncoding::kBF16>(panel, columns, out);
}

void RoundBlock(const float* x, std::int64_t stride, int height,
                std::int64_t columns, std::uint16_t* out) {
  const FloatTag d;
  for (std::int64_t c = 0; c < columns; c += kTileColumns) {
    const std::int64_t left = columns - c;
    for (int row = 0; row < height; ++row, out += kTileColumns) {
      const float* from = x + row * stride + c;
      float padded[kTileColumns] = {};
      if (left < kTileColumns) {
        std::copy_n(from, left, padded);
        from = padded;
      }
      for (int i = 0; i < kTileColumns; i += kLanes) {
        store_bf16(d, bf16_bits_or_nan(d, hn::LoadU(d, from + i)), out + i);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace abstractllm::ops::cpu {

HWY_EXPORT(MultiplyDense);
HWY_EXPORT(Widen);
HWY_EXPORT(RoundBlock);

void multiply_dense_panel(WeightEncoding encoding, int height, const float* x,
                          const std::uint8_t* panel, std::int64_t columns,
                          float* out) {
  HWY_DYNAMIC_DISPATCH(MultiplyDense)
  (encoding, height, x, panel, columns, out);
}

void widen_panel(WeightEncoding encoding, const std::uint8_t* panel,
                 std::int64_t columns, float* out) {
  HWY_DYNAMIC_DISPATCH(Widen)(encoding, panel, columns, out);
}

void round_block(const float* x, std::int64_t stride, int height,
                 std::int64_t columns, std::uint16_t* out) {
  HWY_DYNAMIC_DISPATCH(RoundBlock)(x, stride, height, columns, out);
}

}  // namespace abstractllm::ops::cpu
#endif
