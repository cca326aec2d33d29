// Rotary position embedding of heads, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/rotary.h"

#include <algorithm>
#include <cmath>

#include "ops/cpu/highway_config.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/rotary.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

HWY_INLINE void normalise(const float* x, int size,
                          const HeadTransform& transform, float* out) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  auto squares = hn::Zero(d);
  float rest = 0;
  int i = 0;
  for (; i + lanes <= size; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    squares = hn::MulAdd(v, v, squares);
  }
  for (; i < size; ++i) rest += x[i] * x[i];
  const float sum = rest + hn::GetLane(hn::SumOfLanes(d, squares));
  const float factor =
      1.0f / std::sqrt(sum / static_cast<float>(size) + transform.norm_eps);
  const float one = transform.norm_plus_one ? 1.0f : 0.0f;
  const auto factors = hn::Set(d, factor);
  const auto ones = hn::Set(d, one);
  for (i = 0; i + lanes <= size; i += lanes) {
    const auto weight = hn::Add(hn::LoadU(d, transform.norm + i), ones);
    hn::StoreU(hn::Mul(hn::Mul(hn::LoadU(d, x + i), factors), weight), d,
               out + i);
  }
  for (; i < size; ++i) out[i] = x[i] * factor * (transform.norm[i] + one);
}

HWY_INLINE void rotate_halves(float* x, int half, const float* cosines,
                              const float* sines) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  int i = 0;
  for (; i + lanes <= half; i += lanes) {
    const auto a = hn::LoadU(d, x + i);
    const auto b = hn::LoadU(d, x + half + i);
    const auto c = hn::LoadU(d, cosines + i);
    const auto s = hn::LoadU(d, sines + i);
    hn::StoreU(hn::NegMulAdd(b, s, hn::Mul(a, c)), d, x + i);
    hn::StoreU(hn::MulAdd(a, s, hn::Mul(b, c)), d, x + half + i);
  }
  for (; i < half; ++i) {
    const float a = x[i];
    const float b = x[half + i];
    x[i] = a * cosines[i] - b * sines[i];
    x[half + i] = a * sines[i] + b * cosines[i];
  }
}

void TransformHead(const float* x, int head_size, std::int64_t token,
                   const HeadTransform& transform, float* out) {
  if (transform.norm != nullptr) {
    normalise(x, head_size, transform, out);
  } else if (out != x) {
    std::copy_n(x, head_size, out);
  }
  const RopeRows& rope = transform.rope;
  if (rope.cos == nullptr) return;
  const int half = rope.dims / 2;
  const float* cosines = rope.cos + token * half;
  const float* sines = rope.sin + token * half;
  if (rope.pairs == RopePairs::kHalves) {
    rotate_halves(out, half, cosines, sines);
    return;
  }
  for (int i = 0; i < half; ++i) {
    const float a = out[2 * i];
    const float b = out[2 * i + 1];
    out[2 * i] = a * cosines[i] - b * sines[i];
    out[2 * i + 1] = a * sines[i] + b * cosines[i];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace abstractllm::ops::cpu {

HWY_EXPORT(TransformHead);

void transform_head(const float* x, int head_size, std::int64_t token,
                    const HeadTransform& transform, float* out) {
  HWY_DYNAMIC_DISPATCH(TransformHead)(x, head_size, token, transform, out);
}

void transform_heads(ThreadPool& pool, float* x, std::int64_t tokens, int heads,
                     int head_size, std::int64_t stride,
                     const HeadTransform& transform) {
  if (transform.norm == nullptr && transform.rope.cos == nullptr) return;
  const std::int64_t width = static_cast<std::int64_t>(heads) * head_size;
  if (stride == 0) stride = width;
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / width);
  pool.parallel_for(tokens, grain,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t t = begin; t < end; ++t) {
                        for (int h = 0; h < heads; ++h) {
                          float* head = x + t * stride + h * head_size;
                          transform_head(head, head_size, t, transform, head);
                        }
                      }
                    });
}

RotaryTable::RotaryTable(std::vector<float> inverse_frequencies, float scale,
                         RopePairs pairs)
    : inverse_frequencies_(std::move(inverse_frequencies)),
      scale_(scale),
      pairs_(pairs) {}

RopeRows RotaryTable::rows(std::int64_t first, std::int64_t tokens) {
  const std::size_t half = inverse_frequencies_.size();
  const std::size_t wanted = static_cast<std::size_t>(first + tokens) * half;
  if (cos_.size() < wanted) {
    auto position = static_cast<std::int64_t>(cos_.size() / half);
    if (cos_.capacity() < wanted) {
      const std::size_t room = std::max(wanted, cos_.capacity() * 2);
      cos_.reserve(room);
      sin_.reserve(room);
    }
    for (; position < first + tokens; ++position) {
      for (const float frequency : inverse_frequencies_) {
        const float angle = static_cast<float>(position) * frequency;
        cos_.push_back(std::cos(angle) * scale_);
        sin_.push_back(std::sin(angle) * scale_);
      }
    }
  }
  const std::size_t at = static_cast<std::size_t>(first) * half;
  return {.cos = cos_.data() + at,
          .sin = sin_.data() + at,
          .dims = static_cast<int>(2 * half),
          .pairs = pairs_};
}

}  // namespace abstractllm::ops::cpu
#endif
