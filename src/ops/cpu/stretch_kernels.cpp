// Rounding, laying out and softmax of bf16 attention, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/stretch_kernels.h"

#include <limits>

#include "ops/cpu/highway_config.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/stretch_kernels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

using FloatTag = hn::CappedTag<float, kPanelRows>;
using WordTag = hn::RebindToUnsigned<FloatTag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

void StoreRounded(const float* x, float factor, int count, std::uint16_t* out) {
  const FloatTag d;
  for (int i = 0; i < count; i += kLanes) {
    const auto value = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor));
    store_bf16(d, bf16_bits(d, value), out + i);
  }
}

void StorePairs(const float* even, const float* odd, int count,
                std::int64_t panel_words, std::uint32_t* out) {
  const FloatTag d;
  const WordTag words;
  for (int i = 0; i < count; i += kLanes) {
    const auto low = hn::ShiftRight<16>(bf16_bits(d, hn::LoadU(d, even + i)));
    const auto high = hn::And(bf16_bits(d, hn::LoadU(d, odd + i)),
                              hn::Set(words, 0xffff0000u));
    hn::StoreU(hn::Or(low, high), words,
               out + i / kPanelRows * panel_words + i % kPanelRows);
  }
}

float WeighRow(float* scores, int count, int seen, float& largest, float& sum,
               std::uint16_t* weights) {
  const FloatTag d;
  const WordTag words;
  const int pairs = (count + kPairColumns - 1) / kPairColumns;
  for (int i = seen; i < pairs * kPairColumns; ++i) {
    scores[i / kPairColumns * kPairFloats + i % kPairColumns] =
        -std::numeric_limits<float>::infinity();
  }
  auto top = hn::Set(d, largest);
  for (int p = 0; p < pairs; ++p) {
    for (int i = 0; i < kPairColumns; i += kLanes) {
      top = hn::Max(top, hn::LoadU(d, scores + p * kPairFloats + i));
    }
  }
  top = hn::MaxOfLanes(d, top);
  auto total = hn::Zero(d);
  for (int p = 0; p < pairs; ++p) {
    for (int i = 0; i < kPairColumns; i += kLanes) {
      const auto score = hn::LoadU(d, scores + p * kPairFloats + i);
      const auto bits = bf16_bits(d, exp_of(d, hn::Sub(score, top)));
      // What is multiplied with the values is what is added up.
      total = hn::Add(
          total, hn::BitCast(d, hn::And(bits, hn::Set(words, 0xffff0000u))));
      store_bf16(d, bits, weights + p * kMaxBlockRows * kPairColumns + i);
    }
  }
  const float factor =
      hn::GetLane(exp_of(d, hn::Sub(hn::Set(d, largest), top)));
  sum = sum * factor + hn::GetLane(hn::SumOfLanes(d, total));
  largest = hn::GetLane(top);
  return factor;
}

void ScaleSums(float factor, int pairs, float* sums) {
  const FloatTag d;
  for (int p = 0; p < pairs; ++p) {
    for (int i = 0; i < kPairColumns; i += kLanes) {
      float* at = sums + p * kPairFloats + i;
      hn::StoreU(hn::Mul(hn::LoadU(d, at), hn::Set(d, factor)), d, at);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace abstractllm::ops::cpu {

HWY_EXPORT(StoreRounded);
HWY_EXPORT(StorePairs);
HWY_EXPORT(WeighRow);
HWY_EXPORT(ScaleSums);

void store_rounded(const float* x, float factor, int count,
                   std::uint16_t* out) {
  HWY_DYNAMIC_DISPATCH(StoreRounded)(x, factor, count, out);
}

void store_pairs(const float* even, const float* odd, int count,
                 std::int64_t panel_words, std::uint32_t* out) {
  HWY_DYNAMIC_DISPATCH(StorePairs)(even, odd, count, panel_words, out);
}

float weigh_row(float* scores, int count, int seen, float& largest, float& sum,
                std::uint16_t* weights) {
  return HWY_DYNAMIC_DISPATCH(WeighRow)(scores, count, seen, largest, sum,
                                        weights);
}

void scale_sums(float factor, int pairs, float* sums) {
  HWY_DYNAMIC_DISPATCH(ScaleSums)(factor, pairs, sums);
}

}  // namespace abstractllm::ops::cpu
#endif
