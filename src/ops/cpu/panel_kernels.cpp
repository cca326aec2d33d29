// Float products, quantising and gates, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/panel_kernels.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "ops/cpu/half.h"
#include "ops/cpu/highway_config.h"
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

// kRows rows of a block of kHeight times kWide vectors, `step` floats of out
// apart. Even and odd columns are summed apart, or else few sums would wait for
// each other; at every height in the same way, so that a row's result does not
// depend on its neighbours.
template <int kHeight, int kRows, int kWide>
HWY_INLINE void multiply_part(const float* HWY_RESTRICT x,
                              const float* const (&panels)[kWide],
                              std::int64_t columns, std::int64_t stride,
                              std::int64_t step, float* HWY_RESTRICT out) {
  const FloatTag d;
  using V = hn::Vec<FloatTag>;
  V sum[2][kRows][kWide];
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kWide; ++v) {
      sum[0][m][v] = hn::LoadU(d, out + m * stride + v * step);
      sum[1][m][v] = hn::Zero(d);
    }
  }
  const auto add_column = [&](std::int64_t k, V(&to)[kRows][kWide]) HWY_ATTR {
    V w[kWide];
    for (int v = 0; v < kWide; ++v) {
      w[v] = hn::LoadU(d, panels[v] + k * kPanelRows);
    }
    for (int m = 0; m < kRows; ++m) {
      const V value = hn::Set(d, x[k * kHeight + m]);
      for (int v = 0; v < kWide; ++v) {
        to[m][v] = hn::MulAdd(value, w[v], to[m][v]);
      }
    }
  };
  std::int64_t k = 0;
  for (; k + 2 <= columns; k += 2) {
    add_column(k, sum[0]);
    add_column(k + 1, sum[1]);
  }
  if (k < columns) add_column(k, sum[0]);
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kWide; ++v) {
      hn::StoreU(hn::Add(sum[0][m][v], sum[1][m][v]), d,
                 out + m * stride + v * step);
    }
  }
}

template <int kHeight>
HWY_INLINE void multiply_block(const float* x, const float* const* panels,
                               int panel_count, std::int64_t columns,
                               float* out) {
  constexpr int kRows = kHeight < 4 ? kHeight : 4;
  const std::int64_t stride = std::int64_t{panel_count} * kPanelRows;
  for (int row = 0; row < kHeight; row += kRows) {
    float* to = out + row * stride;
    if (kVectors == 1 && panel_count == 2) {
      multiply_part<kHeight, kRows, 2>(x + row, {panels[0], panels[1]}, columns,
                                       stride, kPanelRows, to);
      continue;
    }
    for (int p = 0; p < panel_count; ++p) {
      for (int v = 0; v < kPanelRows; v += kLanes) {
        multiply_part<kHeight, kRows, 1>(x + row, {panels[p] + v}, columns,
                                         stride, 0, to + p * kPanelRows + v);
      }
    }
  }
}

void MultiplyF32(int height, const float* x, const float* const* panels,
                 int panel_count, std::int64_t columns, float* out) {
  switch (height) {
    case 1:
      return multiply_block<1>(x, panels, panel_count, columns, out);
    case 2:
      return multiply_block<2>(x, panels, panel_count, columns, out);
    case 4:
      return multiply_block<4>(x, panels, panel_count, columns, out);
    default:
      return multiply_block<8>(x, panels, panel_count, columns, out);
  }
}

// Writes `q` as the planes of a row; returns the integer that they stand for.
template <int kPlanes, class D, class V>
HWY_INLINE V store_planes(D di, V q, std::int64_t plane_bytes,
                          std::int8_t* HWY_RESTRICT to) {
  const hn::Rebind<std::int8_t, FloatTag> d8;
  if constexpr (kPlanes == 1) {
    hn::StoreU(hn::DemoteTo(d8, q), d8, to);
    return q;
  } else {
    const auto high = hn::ShiftRight<8>(hn::Add(q, hn::Set(di, 128)));
    const auto low =
        hn::Max(hn::Sub(q, hn::ShiftLeft<8>(high)), hn::Set(di, -127));
    hn::StoreU(hn::DemoteTo(d8, high), d8, to);
    hn::StoreU(hn::DemoteTo(d8, low), d8, to + plane_bytes);
    return hn::Add(hn::ShiftLeft<8>(high), low);
  }
}

// 32 values of one row: the integers, their scale and their sums. Where one is
// not finite the scale is NaN and the integers are zeros.
template <int kPlanes>
HWY_INLINE void quantise_tile(const float* HWY_RESTRICT x, int row, int height,
                              std::int8_t* HWY_RESTRICT tile) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  // 256 * 127 + 127: neither plane is ever larger than 127.
  constexpr float kLargest = kPlanes == 1 ? 127.0f : 32639.0f;
  auto largest = hn::Zero(di);
  for (int i = 0; i < kTileColumns; i += kLanes) {
    largest = larger_magnitude(d, largest, hn::LoadU(d, x + i));
  }
  const float limit = magnitude_of(d, largest);
  const bool finite = limit <= std::numeric_limits<float>::max();
  // Below this the inverse overflows; such values are as good as zero.
  const bool negligible = limit < 1e-33f;
  const auto inverse =
      hn::Set(d, negligible || !finite ? 0.0f : kLargest / limit);
  static constexpr float kZeros[kTileColumns] = {};
  const float* values = finite ? x : kZeros;
  const std::int64_t plane_bytes = std::int64_t{height} * kTileColumns;
  auto sum_first = hn::Zero(di);
  auto sum_second = hn::Zero(di);
  for (int i = 0; i < kTileColumns; i += kLanes) {
    const auto q = store_planes<kPlanes>(
        di, hn::NearestInt(hn::Mul(hn::LoadU(d, values + i), inverse)),
        plane_bytes, tile + row * kTileColumns + i);
    (i < kTileColumns / 2 ? sum_first : sum_second) =
        hn::Add(i < kTileColumns / 2 ? sum_first : sum_second, q);
  }
  const std::int32_t first = hn::GetLane(hn::SumOfLanes(di, sum_first));
  const std::int32_t sum = first + hn::GetLane(hn::SumOfLanes(di, sum_second));
  const float scale = !finite      ? std::numeric_limits<float>::quiet_NaN()
                      : negligible ? 0.0f
                                   : limit / kLargest;
  auto* scales = reinterpret_cast<float*>(tile + kPlanes * plane_bytes);
  auto* negated = reinterpret_cast<std::int32_t*>(scales + height);
  scales[row] = scale;
  negated[row] = -sum;
  negated[height + row] = -first;
  reinterpret_cast<float*>(negated + 2 * height)[row] =
      scale * static_cast<float>(sum);
}

template <int kPlanes>
void quantise_rows(const float* x, std::int64_t stride, int height,
                   std::int64_t columns, std::int8_t* out) {
  for (std::int64_t c = 0; c < columns; c += kTileColumns) {
    const std::int64_t left = columns - c;
    for (int row = 0; row < height; ++row) {
      const float* from = x + row * stride + c;
      if (left >= kTileColumns) {
        quantise_tile<kPlanes>(from, row, height, out);
      } else {
        float padded[kTileColumns] = {};
        std::copy_n(from, left, padded);
        quantise_tile<kPlanes>(padded, row, height, out);
      }
    }
    out += height * quantised_tile_bytes(kPlanes);
  }
}

void QuantiseBlock(const float* x, std::int64_t stride, int height,
                   std::int64_t columns, int planes, std::int8_t* out) {
  planes == 1 ? quantise_rows<1>(x, stride, height, columns, out)
              : quantise_rows<2>(x, stride, height, columns, out);
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
HWY_EXPORT(QuantiseBlock);
HWY_EXPORT(Gate16);

void multiply_f32_panels(int height, const float* x, const float* const* panels,
                         int panel_count, std::int64_t columns, float* out) {
  HWY_DYNAMIC_DISPATCH(MultiplyF32)
  (height, x, panels, panel_count, columns, out);
}

void quantise_block(const float* x, std::int64_t stride, int height,
                    std::int64_t columns, int planes, std::int8_t* out) {
  HWY_DYNAMIC_DISPATCH(QuantiseBlock)(x, stride, height, columns, planes, out);
}

void gate_16(GateKind kind, const float* gate, const float* up, float* out) {
  HWY_DYNAMIC_DISPATCH(Gate16)(kind, gate, up, out);
}

}  // namespace abstractllm::ops::cpu
#endif
