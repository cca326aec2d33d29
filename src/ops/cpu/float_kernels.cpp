// Norms, softmax and element-wise functions, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/float_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/cpu/highway_config.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/float_kernels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;

// Calls `whole(i)` for each full vector and `part(i, n)` for what is left.
template <class Whole, class Part>
HWY_INLINE void for_vectors(std::int64_t count, Whole whole, Part part) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(FloatTag()));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) whole(i);
  if (i < count) part(i, static_cast<std::size_t>(count - i));
}

// out[i] = function(x[i], i); the tail goes through a padded copy.
template <class Function>
HWY_INLINE void map(const float* x, std::int64_t count, float* out,
                    Function function) {
  const FloatTag d;
  for_vectors(
      count,
      [&](std::int64_t i) {
        hn::StoreU(function(hn::LoadU(d, x + i), i), d, out + i);
      },
      [&](std::int64_t i, std::size_t n) {
        for (std::size_t j = 0; j < n; ++j) {
          const auto at = i + static_cast<std::int64_t>(j);
          out[at] = hn::GetLane(function(hn::Set(d, x[at]), -at - 1));
        }
      });
}

// Values of `table` for the lanes from i on, or, in the tail, of one element.
HWY_INLINE hn::Vec<FloatTag> lanes_at(const float* table, std::int64_t i) {
  const FloatTag d;
  return i >= 0 ? hn::LoadU(d, table + i) : hn::Set(d, table[-i - 1]);
}

HWY_INLINE float sum_of(const float* x, std::int64_t count, float shift,
                        bool squares) {
  const FloatTag d;
  const auto minus = hn::Set(d, shift);
  auto total = hn::Zero(d);
  auto total2 = hn::Zero(d);
  float rest = 0;
  bool second = false;
  for_vectors(
      count,
      [&](std::int64_t i) {
        const auto v = hn::Sub(hn::LoadU(d, x + i), minus);
        auto& sum = second ? total2 : total;
        sum = squares ? hn::MulAdd(v, v, sum) : hn::Add(v, sum);
        second = !second;
      },
      [&](std::int64_t i, std::size_t n) {
        for (std::size_t j = 0; j < n; ++j) {
          const float v = x[i + static_cast<std::int64_t>(j)] - shift;
          rest += squares ? v * v : v;
        }
      });
  return rest + hn::GetLane(hn::SumOfLanes(d, hn::Add(total, total2)));
}

void RmsNorm(const float* x, std::int64_t columns, const float* weight,
             NormOptions options, float* out) {
  const FloatTag d;
  const float mean =
      sum_of(x, columns, 0.0f, true) / static_cast<float>(columns);
  const auto factor = hn::Set(d, 1.0f / std::sqrt(mean + options.eps));
  const auto one = hn::Set(d, options.plus_one ? 1.0f : 0.0f);
  map(x, columns, out, [&](auto v, std::int64_t i) HWY_ATTR {
    const auto scaled = hn::Mul(v, factor);
    return weight == nullptr
               ? scaled
               : hn::Mul(scaled, hn::Add(lanes_at(weight, i), one));
  });
}

void LayerNorm(const float* x, std::int64_t columns, const float* weight,
               const float* bias, NormOptions options, float* out) {
  const FloatTag d;
  const auto count = static_cast<float>(columns);
  const float mean = sum_of(x, columns, 0.0f, false) / count;
  const float variance = sum_of(x, columns, mean, true) / count;
  const auto center = hn::Set(d, mean);
  const auto factor = hn::Set(d, 1.0f / std::sqrt(variance + options.eps));
  const auto one = hn::Set(d, options.plus_one ? 1.0f : 0.0f);
  map(x, columns, out, [&](auto v, std::int64_t i) HWY_ATTR {
    auto y = hn::Mul(hn::Sub(v, center), factor);
    if (weight != nullptr) y = hn::Mul(y, hn::Add(lanes_at(weight, i), one));
    return bias == nullptr ? y : hn::Add(y, lanes_at(bias, i));
  });
}

float Softmax(float* x, std::int64_t count) {
  const FloatTag d;
  float largest = -std::numeric_limits<float>::infinity();
  for_vectors(
      count,
      [&](std::int64_t i) {
        largest = std::max(largest,
                           hn::GetLane(hn::MaxOfLanes(d, hn::LoadU(d, x + i))));
      },
      [&](std::int64_t i, std::size_t n) {
        largest = std::max(largest, *std::max_element(x + i, x + i + n));
      });
  if (largest == -std::numeric_limits<float>::infinity()) {
    // NaN is larger than nothing, so that it may be all there is.
    const bool none =
        std::any_of(x, x + count, [](float v) { return std::isnan(v); });
    if (none) largest = std::numeric_limits<float>::quiet_NaN();
    std::fill_n(x, count, none ? largest : 0.0f);
    return largest;
  }
  const auto top = hn::Set(d, largest);
  map(x, count, x, [&](auto v, std::int64_t) HWY_ATTR {
    return exp_of(d, hn::Sub(v, top));
  });
  const float sum = sum_of(x, count, 0.0f, false);
  const auto factor = hn::Set(d, 1.0f / sum);
  map(x, count, x,
      [&](auto v, std::int64_t) HWY_ATTR { return hn::Mul(v, factor); });
  return largest + std::log(sum);
}

void Activate(GateKind kind, const float* x, const float* up,
              std::int64_t count, float* out) {
  const FloatTag d;
  map(x, count, out, [&](auto v, std::int64_t i) HWY_ATTR {
    const auto a = activation_of(d, kind, v);
    return up == nullptr ? a : hn::Mul(a, lanes_at(up, i));
  });
}

void AddScaled(const float* x, float factor, std::int64_t count, float* y) {
  const FloatTag d;
  const auto times = hn::Set(d, factor);
  map(x, count, y, [&](auto v, std::int64_t i) HWY_ATTR {
    return hn::MulAdd(v, times, lanes_at(y, i));
  });
}

void SoftCap(float cap, std::int64_t count, float* x) {
  const FloatTag d;
  const auto limit = hn::Set(d, cap);
  const auto inverse = hn::Set(d, 1.0f / cap);
  map(x, count, x, [&](auto v, std::int64_t) HWY_ATTR {
    return hn::Mul(limit, tanh_of(d, hn::Mul(v, inverse)));
  });
}

float Largest(const float* x, std::int64_t count) {
  const FloatTag d;
  const auto lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  auto largest = lowest;
  float rest = -std::numeric_limits<float>::infinity();
  for_vectors(
      count,
      [&](std::int64_t i) {
        const auto v = hn::LoadU(d, x + i);
        largest = hn::Max(largest, hn::IfThenElse(hn::Eq(v, v), v, lowest));
      },
      [&](std::int64_t i, std::size_t n) {
        for (std::size_t j = 0; j < n; ++j) {
          const float v = x[i + static_cast<std::int64_t>(j)];
          if (v > rest) rest = v;
        }
      });
  return std::max(rest, hn::GetLane(hn::MaxOfLanes(d, largest)));
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace abstractllm::ops::cpu {

HWY_EXPORT(RmsNorm);
HWY_EXPORT(LayerNorm);
HWY_EXPORT(Softmax);
HWY_EXPORT(Activate);
HWY_EXPORT(AddScaled);
HWY_EXPORT(SoftCap);
HWY_EXPORT(Largest);

namespace {

template <typename Function>
void for_rows(ThreadPool& pool, std::int64_t rows, std::int64_t columns,
              Function function) {
  // A few microseconds a range.
  const std::int64_t grain =
      std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(1, columns));
  pool.parallel_for(rows, grain,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t row = begin; row < end; ++row) {
                        function(row * columns);
                      }
                    });
}

}  // namespace

void rms_norm(ThreadPool& pool, const float* x, std::int64_t rows,
              std::int64_t columns, const float* weight, NormOptions options,
              float* out) {
  for_rows(pool, rows, columns, [&](std::int64_t at) {
    HWY_DYNAMIC_DISPATCH(RmsNorm)(x + at, columns, weight, options, out + at);
  });
}

void layer_norm(ThreadPool& pool, const float* x, std::int64_t rows,
                std::int64_t columns, const float* weight, const float* bias,
                NormOptions options, float* out) {
  for_rows(pool, rows, columns, [&](std::int64_t at) {
    HWY_DYNAMIC_DISPATCH(LayerNorm)
    (x + at, columns, weight, bias, options, out + at);
  });
}

float softmax(float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(Softmax)(x, count);
}

void activate(GateKind kind, const float* x, std::int64_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(Activate)(kind, x, nullptr, count, out);
}

void gate(GateKind kind, const float* gate, const float* up, std::int64_t count,
          float* out) {
  HWY_DYNAMIC_DISPATCH(Activate)(kind, gate, up, count, out);
}

void add_scaled(const float* x, float factor, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(AddScaled)(x, factor, count, y);
}

void soft_cap(float cap, std::int64_t count, float* x) {
  HWY_DYNAMIC_DISPATCH(SoftCap)(cap, count, x);
}

std::int64_t argmax(const float* x, std::int64_t count) {
  const float largest = HWY_DYNAMIC_DISPATCH(Largest)(x, count);
  const float* found = std::find(x, x + count, largest);
  return found == x + count ? 0 : found - x;
}

}  // namespace abstractllm::ops::cpu
#endif
