// Float products, widening, quantising and gates, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/panel_kernels.h"

#include <algorithm>
#include <cstring>

#include "ops/cpu/half.h"
#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/panel_layout.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/panel_kernels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

// Fixed at 16 lanes or fewer: a panel is 16 rows on every machine.
using FloatTag = hn::CappedTag<float, kPanelRows>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
constexpr int kVectors = kPanelRows / kLanes;

// kRows * kWide sums stay in registers over all columns.
template <int kHeight, int kRows, int kWide>
HWY_INLINE void multiply_part(const float* HWY_RESTRICT x,
                              const float* HWY_RESTRICT panel,
                              std::int64_t columns, float* HWY_RESTRICT out) {
  const FloatTag d;
  using V = hn::Vec<FloatTag>;
  V sum[kRows][kWide];
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kWide; ++v) {
      sum[m][v] = hn::LoadU(d, out + m * kPanelRows + v * kLanes);
    }
  }
  for (std::int64_t k = 0; k < columns; ++k) {
    V w[kWide];
    for (int v = 0; v < kWide; ++v) {
      w[v] = hn::LoadU(d, panel + k * kPanelRows + v * kLanes);
    }
    for (int m = 0; m < kRows; ++m) {
      const V value = hn::Set(d, x[k * kHeight + m]);
      for (int v = 0; v < kWide; ++v) {
        sum[m][v] = hn::MulAdd(value, w[v], sum[m][v]);
      }
    }
  }
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kWide; ++v) {
      hn::StoreU(sum[m][v], d, out + m * kPanelRows + v * kLanes);
    }
  }
}

// One row has too few sums to hide the latency of an addition: even and odd
// columns are summed apart.
HWY_INLINE void multiply_row(const float* HWY_RESTRICT x,
                             const float* HWY_RESTRICT panel,
                             std::int64_t columns, float* HWY_RESTRICT out) {
  const FloatTag d;
  using V = hn::Vec<FloatTag>;
  constexpr int kChains = 4;
  for (int v = 0; v < kVectors; ++v) {
    const float* HWY_RESTRICT w = panel + v * kLanes;
    V sum[kChains] = {hn::LoadU(d, out + v * kLanes), hn::Zero(d), hn::Zero(d),
                      hn::Zero(d)};
    std::int64_t k = 0;
    for (; k + kChains <= columns; k += kChains) {
      for (int c = 0; c < kChains; ++c) {
        sum[c] = hn::MulAdd(hn::Set(d, x[k + c]),
                            hn::LoadU(d, w + (k + c) * kPanelRows), sum[c]);
      }
    }
    for (; k < columns; ++k) {
      sum[0] = hn::MulAdd(hn::Set(d, x[k]), hn::LoadU(d, w + k * kPanelRows),
                          sum[0]);
    }
    hn::StoreU(hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])), d,
               out + v * kLanes);
  }
}

template <int kHeight>
HWY_INLINE void multiply_block(const float* x, const float* panel,
                               std::int64_t columns, float* out) {
  // With 16 registers or fewer, 8 sums at a time.
  constexpr int kWide = kVectors == 1 ? 1 : kHeight >= 8 ? 1 : kVectors / 2;
  for (int v = 0; v < kVectors; v += kWide) {
    multiply_part<kHeight, kHeight, kWide>(x, panel + v * kLanes, columns,
                                           out + v * kLanes);
  }
}

void MultiplyF32(int height, const float* x, const float* panel,
                 std::int64_t columns, float* out) {
  switch (height) {
    case 1:
      return multiply_row(x, panel, columns, out);
    case 2:
      return multiply_block<2>(x, panel, columns, out);
    case 4:
      return multiply_block<4>(x, panel, columns, out);
    default:
      return multiply_block<8>(x, panel, columns, out);
  }
}

void Widen(WeightEncoding encoding, const std::uint8_t* panel,
           std::int64_t columns, float* out) {
  const FloatTag d;
  if (encoding == WeightEncoding::kF16) {
    const hn::Rebind<hwy::float16_t, FloatTag> half;
    const auto* from = reinterpret_cast<const hwy::float16_t*>(panel);
    for (std::int64_t i = 0; i < columns * kPanelRows; i += kLanes) {
      __builtin_prefetch(reinterpret_cast<const char*>(from + i) +
                         PanelLayout::kPrefetchBytes);
      hn::StoreU(hn::PromoteTo(d, hn::LoadU(half, from + i)), d, out + i);
    }
    return;
  }
  // Pairs of columns: the low half of a word is the even column.
  const hn::RebindToUnsigned<FloatTag> words;
  const auto high_half = hn::Set(words, 0xffff0000u);
  const auto* from = reinterpret_cast<const std::uint32_t*>(panel);
  for (std::int64_t pair = 0; pair < columns / 2; ++pair) {
    __builtin_prefetch(reinterpret_cast<const char*>(from + pair * kPanelRows) +
                       PanelLayout::kPrefetchBytes);
    for (int v = 0; v < kPanelRows; v += kLanes) {
      const auto both = hn::LoadU(words, from + pair * kPanelRows + v);
      float* to = out + pair * 2 * kPanelRows + v;
      hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(both)), d, to);
      hn::StoreU(hn::BitCast(d, hn::And(both, high_half)), d, to + kPanelRows);
    }
  }
}

// 32 values of one row: the integers, their scale and their sums.
HWY_INLINE void quantise_tile(const float* HWY_RESTRICT x, int row, int height,
                              std::int8_t* HWY_RESTRICT tile) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::Rebind<std::int8_t, FloatTag> d8;
  auto largest = hn::Zero(d);
  for (int i = 0; i < kTileColumns; i += kLanes) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + i)));
  }
  const float limit = hn::GetLane(hn::MaxOfLanes(d, largest));
  // Below this the inverse overflows; such values are as good as zero.
  const bool negligible = limit < 1e-35f;
  const auto inverse = hn::Set(d, negligible ? 0.0f : 127.0f / limit);
  auto sum_first = hn::Zero(di);
  auto sum_second = hn::Zero(di);
  for (int i = 0; i < kTileColumns; i += kLanes) {
    const auto q = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), inverse));
    (i < kTileColumns / 2 ? sum_first : sum_second) =
        hn::Add(i < kTileColumns / 2 ? sum_first : sum_second, q);
    hn::StoreU(hn::DemoteTo(d8, q), d8, tile + row * kTileColumns + i);
  }
  const std::int32_t first = hn::GetLane(hn::SumOfLanes(di, sum_first));
  const std::int32_t sum = first + hn::GetLane(hn::SumOfLanes(di, sum_second));
  const float scale = negligible ? 0.0f : limit / 127.0f;
  auto* scales = reinterpret_cast<float*>(tile + height * kTileColumns);
  auto* negated = reinterpret_cast<std::int32_t*>(scales + height);
  scales[row] = scale;
  negated[row] = -sum;
  negated[height + row] = -first;
  reinterpret_cast<float*>(negated + 2 * height)[row] =
      scale * static_cast<float>(sum);
}

void QuantiseBlock(const float* x, std::int64_t stride, int height,
                   std::int64_t columns, std::int8_t* out) {
  for (std::int64_t c = 0; c < columns; c += kTileColumns) {
    const std::int64_t left = columns - c;
    for (int row = 0; row < height; ++row) {
      const float* from = x + row * stride + c;
      if (left >= kTileColumns) {
        quantise_tile(from, row, height, out);
      } else {
        float padded[kTileColumns] = {};
        std::copy_n(from, left, padded);
        quantise_tile(padded, row, height, out);
      }
    }
    out += height * kQuantisedTileBytes;
  }
}

HWY_INLINE void split_tile(const float* x, float* rounded, float* rest) {
  const FloatTag d;
  auto largest = hn::Zero(d);
  for (int i = 0; i < kTileColumns; i += kLanes) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + i)));
  }
  const float limit = hn::GetLane(hn::MaxOfLanes(d, largest));
  const bool negligible = limit < 1e-35f;
  const auto step = hn::Set(d, limit / 127.0f);
  const auto inverse = hn::Set(d, negligible ? 0.0f : 127.0f / limit);
  for (int i = 0; i < kTileColumns; i += kLanes) {
    const auto v = hn::LoadU(d, x + i);
    const auto near = hn::Mul(step, hn::Round(hn::Mul(v, inverse)));
    hn::StoreU(near, d, rounded + i);
    hn::StoreU(hn::Sub(v, near), d, rest + i);
  }
}

void SplitRow(const float* x, std::int64_t columns, float* rounded,
              float* rest) {
  std::int64_t c = 0;
  for (; c + kTileColumns <= columns; c += kTileColumns) {
    split_tile(x + c, rounded + c, rest + c);
  }
  if (c == columns) return;
  float padded[3][kTileColumns] = {};
  std::copy(x + c, x + columns, padded[0]);
  split_tile(padded[0], padded[1], padded[2]);
  std::copy_n(padded[1], columns - c, rounded + c);
  std::copy_n(padded[2], columns - c, rest + c);
}

void Gate16(GateKind kind, const float* gate, const float* up, float* out) {
  const FloatTag d;
  for (int i = 0; i < kPanelRows; i += kLanes) {
    const auto a = activation_of(d, kind, hn::LoadU(d, gate + i));
    hn::StoreU(hn::Mul(a, hn::LoadU(d, up + i)), d, out + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace abstractllm::ops::cpu {

HWY_EXPORT(MultiplyF32);
HWY_EXPORT(Widen);
HWY_EXPORT(QuantiseBlock);
HWY_EXPORT(SplitRow);
HWY_EXPORT(Gate16);

void multiply_f32_panel(int height, const float* x, const float* panel,
                        std::int64_t columns, float* out) {
  HWY_DYNAMIC_DISPATCH(MultiplyF32)(height, x, panel, columns, out);
}

void widen_panel(WeightEncoding encoding, const std::uint8_t* panel,
                 std::int64_t columns, float* out) {
  HWY_DYNAMIC_DISPATCH(Widen)(encoding, panel, columns, out);
}

void quantise_block(const float* x, std::int64_t stride, int height,
                    std::int64_t columns, std::int8_t* out) {
  HWY_DYNAMIC_DISPATCH(QuantiseBlock)(x, stride, height, columns, out);
}

void split_row(const float* x, std::int64_t columns, float* rounded,
               float* rest) {
  HWY_DYNAMIC_DISPATCH(SplitRow)(x, columns, rounded, rest);
}

void gate_16(GateKind kind, const float* gate, const float* up, float* out) {
  HWY_DYNAMIC_DISPATCH(Gate16)(kind, gate, up, out);
}

}  // namespace abstractllm::ops::cpu
#endif
