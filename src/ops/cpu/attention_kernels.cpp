// Products with pages of keys and values, and softmax, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/attention_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/cpu/highway_config.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/attention_kernels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/kv_load-inl.h"
#include "ops/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

using FloatTag = hn::CappedTag<float, kKvLanes>;
using Floats = hn::Vec<FloatTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));
constexpr int kVectors = kKvLanes / kLanes;

/// Keys and values are fetched this far ahead of their use.
constexpr std::int64_t kPrefetchBytes = 4096;

// Panels of 16 columns of values of T, one every `values` values.
template <typename T>
struct KvPanels {
  const T* first;
  std::int64_t values;
  int count;
  std::int64_t ahead;  // bytes from what is used to what is to be fetched
  const hwy::bfloat16_t* scales;  // of KvPanelRun

  const T* at(int index) const { return first + index * values; }
};

// One addition cannot start before the last has ended: even and odd columns are
// summed apart. It is the same for any number of rows and columns, so that
// neither changes the sum of a row.
constexpr int kChains = 2;

// kRows x kWide vectors of sums; vectors are `step` values apart in a column.
template <int kRows, int kWide, typename T>
HWY_INLINE void sum_columns(const float* HWY_RESTRICT x,
                            const T* HWY_RESTRICT panel, std::int64_t step,
                            std::int64_t ahead, int columns,
                            Floats (&total)[kRows][kWide]) {
  const FloatTag d;
  constexpr int kLineColumns = 64 / (kKvLanes * static_cast<int>(sizeof(T)));
  Floats sum[kChains][kRows][kWide];
  for (int c = 0; c < kChains; ++c) {
    for (int m = 0; m < kRows; ++m) {
      for (int v = 0; v < kWide; ++v) sum[c][m][v] = hn::Zero(d);
    }
  }
  int k = 0;
  for (; k + kChains <= columns; k += kChains) {
    for (int c = 0; c < kChains; ++c) {
      const T* column = panel + (k + c) * kKvLanes;
      Floats w[kWide];
      for (int v = 0; v < kWide; ++v) {
        if (c % kLineColumns == 0) {
          __builtin_prefetch(reinterpret_cast<const char*>(column + v * step) +
                             ahead);
        }
        w[v] = load_kv(d, column + v * step);
      }
      for (int m = 0; m < kRows; ++m) {
        const Floats value = hn::Set(d, x[m * kQueryStride + k + c]);
        for (int v = 0; v < kWide; ++v) {
          sum[c][m][v] = hn::MulAdd(value, w[v], sum[c][m][v]);
        }
      }
    }
  }
  // The last of an odd number, whose index is even.
  if (k < columns) {
    for (int m = 0; m < kRows; ++m) {
      const Floats value = hn::Set(d, x[m * kQueryStride + k]);
      for (int v = 0; v < kWide; ++v) {
        sum[0][m][v] = hn::MulAdd(
            value, load_kv(d, panel + k * kKvLanes + v * step), sum[0][m][v]);
      }
    }
  }
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kWide; ++v) {
      total[m][v] = sum[0][m][v];
      for (int c = 1; c < kChains; ++c) {
        total[m][v] = hn::Add(total[m][v], sum[c][m][v]);
      }
    }
  }
}

// The same of int8, each 32 columns times their `scales`.
template <int kRows, int kWide>
HWY_INLINE void sum_scaled(const float* x, const std::int8_t* panel,
                           std::int64_t step, std::int64_t ahead, int columns,
                           const hwy::bfloat16_t* scales,
                           Floats (&total)[kRows][kWide]) {
  const FloatTag d;
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kWide; ++v) total[m][v] = hn::Zero(d);
  }
  for (int c = 0; c < columns; c += kTurnedDimensions) {
    Floats part[kRows][kWide];
    sum_columns(x + c, panel + c * kKvLanes, step, ahead,
                std::min(kTurnedDimensions, columns - c), part);
    for (int v = 0; v < kWide; ++v) {
      const Floats scale = load_kv(d, scales + v * kLanes);
      for (int m = 0; m < kRows; ++m) {
        total[m][v] = hn::MulAdd(part[m][v], scale, total[m][v]);
      }
    }
    scales += kPagePositions;
  }
}

// kRows x kWide vectors from lane `lane` of panel `p` on.
template <int kRows, int kWide, typename T>
HWY_INLINE void multiply_part(const float* x, const KvPanels<T>& panels, int p,
                              int lane, std::int64_t step, int columns,
                              bool add, float* HWY_RESTRICT out) {
  const FloatTag d;
  const int at = p * kKvLanes + lane;
  const T* panel = panels.at(p) + lane;
  Floats total[kRows][kWide];
  bool scaled = false;
  if constexpr (sizeof(T) == 1) {
    scaled = panels.scales != nullptr;
    if (scaled) {
      sum_scaled(x, panel, step, panels.ahead, columns, panels.scales + at,
                 total);
    }
  }
  if (!scaled) sum_columns(x, panel, step, panels.ahead, columns, total);
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kWide; ++v) {
      float* to = out + m * kQueryStride + at + v * kLanes;
      if (add) total[m][v] = hn::Add(total[m][v], hn::LoadU(d, to));
      hn::StoreU(total[m][v], d, to);
    }
  }
}

// All of `panels`. Rows of a prompt use what is loaded of two panels four
// times; few rows wait for memory, which is best read from one end to the
// other.
template <int kRows, bool kPairs, typename T>
HWY_INLINE void multiply_rows(const float* x, const KvPanels<T>& panels,
                              int columns, bool add, float* out) {
  // At most 8 sums at a time where registers are few.
  constexpr int kWide = kVectors > 1 && kRows <= 2 ? 2 : 1;
  int p = 0;
  if constexpr (kVectors == 1 && kPairs) {
    for (; p + 2 <= panels.count; p += 2) {
      multiply_part<kRows, 2>(x, panels, p, 0, panels.values, columns, add,
                              out);
    }
  }
  for (; p < panels.count; ++p) {
    for (int v = 0; v < kVectors; v += kWide) {
      multiply_part<kRows, kWide>(x, panels, p, v * kLanes, kLanes, columns,
                                  add, out);
    }
  }
}

template <int kRows, typename T>
HWY_INLINE void multiply_block(const float* x, const KvPanels<T>& panels,
                               int columns, bool add, float* out) {
  if constexpr (kRows > 4) {
    multiply_rows<4, true>(x, panels, columns, add, out);
    multiply_rows<kRows - 4, true>(x + 4 * kQueryStride, panels, columns, add,
                                   out + 4 * kQueryStride);
  } else {
    multiply_rows<kRows, false>(x, panels, columns, add, out);
  }
}

template <typename T>
void multiply_any(const KvPanelRun& run, int height, const float* x, bool add,
                  float* out) {
  const int columns = run.columns;
  // What is wanted of a panel may be less than lies between two of them.
  const std::int64_t used =
      std::int64_t{columns} * kKvLanes * static_cast<std::int64_t>(sizeof(T));
  const KvPanels<T> panels = {
      reinterpret_cast<const T*>(run.first),
      run.bytes / static_cast<std::int64_t>(sizeof(T)), run.count,
      used >= run.bytes ? kPrefetchBytes
                        : (kPrefetchBytes + used - 1) / used * run.bytes,
      reinterpret_cast<const hwy::bfloat16_t*>(run.scales)};
  switch (height) {
    case 1:
      return multiply_block<1>(x, panels, columns, add, out);
    case 2:
      return multiply_block<2>(x, panels, columns, add, out);
    case 3:
      return multiply_block<3>(x, panels, columns, add, out);
    case 4:
      return multiply_block<4>(x, panels, columns, add, out);
    case 5:
      return multiply_block<5>(x, panels, columns, add, out);
    case 6:
      return multiply_block<6>(x, panels, columns, add, out);
    case 7:
      return multiply_block<7>(x, panels, columns, add, out);
    default:
      return multiply_block<8>(x, panels, columns, add, out);
  }
}

void MultiplyKvPanels(const KvPanelRun& panels, int height, const float* x,
                      bool add, float* out) {
  switch (panels.type) {
    case KvType::kF32:
      return multiply_any<float>(panels, height, x, add, out);
    case KvType::kF16:
      return multiply_any<hwy::float16_t>(panels, height, x, add, out);
    case KvType::kBF16:
      return multiply_any<hwy::bfloat16_t>(panels, height, x, add, out);
    case KvType::kInt8:
      return multiply_any<std::int8_t>(panels, height, x, add, out);
  }
}

// Scores of positions outside [begin, end) become minus infinity.
HWY_INLINE Floats masked(Floats score, int i, int begin, int end) {
  const FloatTag d;
  if (i >= begin && i + kLanes <= end) return score;
  const auto at = hn::Iota(d, static_cast<float>(i));
  const auto seen = hn::And(hn::Ge(at, hn::Set(d, static_cast<float>(begin))),
                            hn::Lt(at, hn::Set(d, static_cast<float>(end))));
  return hn::IfThenElse(seen, score,
                        hn::Set(d, -std::numeric_limits<float>::infinity()));
}

float SoftmaxScores(float* scores, int count, int begin, int end, float softcap,
                    SoftmaxState& state) {
  const FloatTag d;
  auto top = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (int i = 0; i < count; i += kLanes) {
    auto score = hn::LoadU(d, scores + i);
    if (softcap != 0) {
      const auto scaled = hn::Mul(score, hn::Set(d, 1.0f / softcap));
      score = hn::Mul(hn::Set(d, softcap), tanh_of(d, scaled));
    }
    score = masked(score, i, begin, end);
    hn::StoreU(score, d, scores + i);
    top = hn::Max(top, score);
  }
  const float largest =
      std::max(state.largest, hn::GetLane(hn::MaxOfLanes(d, top)));
  // Of NaN alone nothing is the largest either: such scores keep their NaN.
  const bool nothing = largest == -std::numeric_limits<float>::infinity();
  const auto shift = hn::Set(d, nothing ? 0.0f : largest);
  auto sum = hn::Zero(d);
  for (int i = 0; i < count; i += kLanes) {
    const auto weight = exp_of(d, hn::Sub(hn::LoadU(d, scores + i), shift));
    hn::StoreU(weight, d, scores + i);
    sum = hn::Add(sum, weight);
  }
  const float factor =
      state.largest == largest ? 1.0f : std::exp(state.largest - largest);
  state.sum = state.sum * factor + hn::GetLane(hn::SumOfLanes(d, sum));
  state.largest = largest;
  return factor;
}

void ScaleValues(float* x, int count, float factor) {
  const FloatTag d;
  const auto times = hn::Set(d, factor);
  for (int i = 0; i < count; i += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), times), d, x + i);
  }
}

void MultiplyValues(const std::uint16_t* factors, const float* x, int count,
                    float* out) {
  const FloatTag d;
  const auto* halves = reinterpret_cast<const hwy::bfloat16_t*>(factors);
  for (int i = 0; i < count; i += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), load_kv(d, halves + i)), d,
               out + i);
  }
}

void BlendValues(const float* x, float factor_x, int count, float factor_y,
                 float* y) {
  const FloatTag d;
  const auto times_x = hn::Set(d, factor_x);
  const auto times_y = hn::Set(d, factor_y);
  for (int i = 0; i < count; i += kLanes) {
    const auto scaled = hn::Mul(hn::LoadU(d, y + i), times_y);
    hn::StoreU(hn::MulAdd(hn::LoadU(d, x + i), times_x, scaled), d, y + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace abstractllm::ops::cpu {

HWY_EXPORT(MultiplyKvPanels);
HWY_EXPORT(SoftmaxScores);
HWY_EXPORT(ScaleValues);
HWY_EXPORT(MultiplyValues);
HWY_EXPORT(BlendValues);

void multiply_kv_panels(const KvPanelRun& panels, int height, const float* x,
                        bool add, float* out) {
  HWY_DYNAMIC_DISPATCH(MultiplyKvPanels)(panels, height, x, add, out);
}

float softmax_scores(float* scores, int count, int begin, int end,
                     float softcap, SoftmaxState& state) {
  return HWY_DYNAMIC_DISPATCH(SoftmaxScores)(scores, count, begin, end, softcap,
                                             state);
}

void scale_values(float* x, int count, float factor) {
  HWY_DYNAMIC_DISPATCH(ScaleValues)(x, count, factor);
}

void blend_values(const float* x, float factor_x, int count, float factor_y,
                  float* y) {
  HWY_DYNAMIC_DISPATCH(BlendValues)(x, factor_x, count, factor_y, y);
}

void multiply_values(const std::uint16_t* factors, const float* x, int count,
                     float* out) {
  HWY_DYNAMIC_DISPATCH(MultiplyValues)(factors, x, count, out);
}

}  // namespace abstractllm::ops::cpu
#endif
