// Rounding of pages and softmax for attention in bf16, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/rounded_attention_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/cpu/half.h"
#include "ops/cpu/highway_config.h"
#include "ops/cpu/stretch_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/rounded_attention_kernels.cpp"
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
constexpr float kNothing = -std::numeric_limits<float>::infinity();

// Widens vector `i` of those at `from`, from lane `lane` on.
struct Plain {
  template <typename T>
  HWY_INLINE Floats operator()(const T* from, int i, int lane) const {
    return load_kv(FloatTag(), from + i * kKvLanes + lane);
  }
};
struct OfKeys {
  const hwy::bfloat16_t* scales;

  HWY_INLINE Floats operator()(const std::int8_t* from, int i, int lane) const {
    const FloatTag d;
    const auto* scale = scales + i / kTurnedDimensions * kPagePositions + lane;
    return hn::Mul(load_kv(d, from + i * kKvLanes + lane), load_kv(d, scale));
  }
};
struct OfValues {
  const std::uint16_t* scales;

  HWY_INLINE Floats operator()(const std::int8_t* from, int i, int lane) const {
    const FloatTag d;
    return hn::Mul(load_kv(d, from + i * kKvLanes + lane),
                   hn::Set(d, bf16_to_float(scales[i])));
  }
};

template <typename T, class Widen>
HWY_INLINE void round_typed(const T* from, int count, Widen widen,
                            std::uint32_t* out) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> words;
  const auto high_half = hn::Set(words, 0xffff0000u);
  for (int i = 0; i < count; i += 2) {
    for (int lane = 0; lane < kKvLanes; lane += kLanes) {
      const auto low = hn::ShiftRight<16>(bf16_bits(d, widen(from, i, lane)));
      auto high = hn::Zero(words);
      if (i + 1 < count) high = bf16_bits(d, widen(from, i + 1, lane));
      hn::StoreU(hn::Or(low, hn::And(high, high_half)), words,
                 out + i / 2 * kKvLanes + lane);
    }
  }
}

template <class Scaled>
HWY_INLINE void round_any(KvType type, const std::byte* vectors, int count,
                          Scaled scaled, std::uint32_t* out) {
  switch (type) {
    case KvType::kF32:
      return round_typed(reinterpret_cast<const float*>(vectors), count,
                         Plain(), out);
    case KvType::kF16:
      return round_typed(reinterpret_cast<const hwy::float16_t*>(vectors),
                         count, Plain(), out);
    case KvType::kBF16:
      return round_typed(reinterpret_cast<const hwy::bfloat16_t*>(vectors),
                         count, Plain(), out);
    case KvType::kInt8:
      return round_typed(reinterpret_cast<const std::int8_t*>(vectors), count,
                         scaled, out);
  }
}

void RoundKeyPairs(KvType type, const std::byte* vectors, int count,
                   const std::uint16_t* scales, std::uint32_t* out) {
  round_any(type, vectors, count,
            OfKeys{reinterpret_cast<const hwy::bfloat16_t*>(scales)}, out);
}

void RoundValuePairs(KvType type, const std::byte* vectors, int count,
                     const std::uint16_t* scales, std::uint32_t* out) {
  round_any(type, vectors, count, OfValues{scales}, out);
}

// A score from index `i` on, with all but the mask applied.
HWY_INLINE Floats finished(const ScoreRow& row, int i, Floats score) {
  const FloatTag d;
  if (row.slope != 0) {
    const auto distance = hn::Iota(d, row.distance + static_cast<float>(i));
    score = hn::MulAdd(hn::Set(d, row.slope), distance, score);
  }
  if (row.softcap != 0) {
    const auto scaled = hn::Mul(score, hn::Set(d, 1.0f / row.softcap));
    score = hn::Mul(hn::Set(d, row.softcap), tanh_of(d, scaled));
  }
  return score;
}

HWY_INLINE Floats masked(const ScoreRow& row, int i, Floats score) {
  const FloatTag d;
  if (i >= row.begin && i + kLanes <= row.end) return score;
  const auto at = hn::Iota(d, static_cast<float>(i));
  const auto seen =
      hn::And(hn::Ge(at, hn::Set(d, static_cast<float>(row.begin))),
              hn::Lt(at, hn::Set(d, static_cast<float>(row.end))));
  return hn::IfThenElse(seen, score, hn::Set(d, kNothing));
}

HWY_INLINE float* score_at(const ScoreRow& row, int i) {
  return row.scores + i / kPairColumns * kPairFloats + i % kPairColumns;
}

// Finishes the scores; returns the largest.
HWY_INLINE float finish_scores(const ScoreRow& row) {
  const FloatTag d;
  const bool plain = row.slope == 0 && row.softcap == 0;
  auto top = hn::Set(d, kNothing);
  for (int i = 0; i < row.count; i += kLanes) {
    float* at = score_at(row, i);
    auto score = hn::LoadU(d, at);
    if (!plain) score = finished(row, i, score);
    score = masked(row, i, score);
    hn::StoreU(score, d, at);
    top = hn::Max(top, score);
  }
  return hn::GetLane(hn::MaxOfLanes(d, top));
}

float WeighScores(const ScoreRow& row, SoftmaxState& state,
                  std::uint16_t* weights, std::int64_t tile_values) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> words;
  const float largest = std::max(state.largest, finish_scores(row));
  const bool nothing = largest == kNothing;
  const auto shift = hn::Set(d, nothing ? 0.0f : largest);
  const auto high_half = hn::Set(words, 0xffff0000u);
  auto sum = hn::Zero(d);
  for (int i = 0; i < row.count; i += kLanes) {
    const auto score = hn::LoadU(d, score_at(row, i));
    const auto weight = exp_for_bf16(d, hn::Sub(score, shift));
    const auto bits = bf16_bits(d, weight);
    // What is multiplied with the values is what is added up.
    sum = hn::Add(sum, hn::BitCast(d, hn::And(bits, high_half)));
    store_bf16(d, bits,
               weights + i / kPairColumns * tile_values + i % kPairColumns);
  }
  if (nothing) return 1.0f;
  const float factor =
      state.largest == largest ? 1.0f : std::exp(state.largest - largest);
  state.sum = state.sum * factor + hn::GetLane(hn::SumOfLanes(d, sum));
  state.largest = largest;
  return factor;
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace abstractllm::ops::cpu {

HWY_EXPORT(RoundKeyPairs);
HWY_EXPORT(RoundValuePairs);
HWY_EXPORT(WeighScores);

void round_key_pairs(KvType type, const std::byte* vectors, int count,
                     const std::uint16_t* scales, std::uint32_t* out) {
  HWY_DYNAMIC_DISPATCH(RoundKeyPairs)(type, vectors, count, scales, out);
}

void round_value_pairs(KvType type, const std::byte* vectors, int count,
                       const std::uint16_t* scales, std::uint32_t* out) {
  HWY_DYNAMIC_DISPATCH(RoundValuePairs)(type, vectors, count, scales, out);
}

float weigh_scores(const ScoreRow& row, SoftmaxState& state,
                   std::uint16_t* weights, std::int64_t tile_values) {
  return HWY_DYNAMIC_DISPATCH(WeighScores)(row, state, weights, tile_values);
}

}  // namespace abstractllm::ops::cpu
#endif
