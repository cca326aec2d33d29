// Narrows keys and values to the type of a page, by Highway.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/kv_store.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/cpu/half.h"
#include "ops/cpu/highway_config.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/kv_store.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using FloatTag = hn::CappedTag<float, kKvLanes>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

// Signs before the matrix: a bent function, the farthest there is from all rows
// of the matrix of 16. A head that looks like one of them, all values alike for
// instance, would come out as a single large value.
constexpr float kSigns[kKvLanes] = {1, 1, 1, -1, 1,  1,  1,  -1,
                                    1, 1, 1, -1, -1, -1, -1, 1};

using TurnTag = hn::CappedTag<float, 4>;

// The matrix of 4 over every 4 of 16 values; `to[4 * j + i]` is value j of the
// 4 at i.
HWY_INLINE void turn_fours(const float* from, float* to) {
  const TurnTag d;
  constexpr int kStep = static_cast<int>(hn::MaxLanes(TurnTag()));
  for (int i = 0; i < 4; i += kStep) {
    hn::Vec<TurnTag> a;
    hn::Vec<TurnTag> b;
    hn::Vec<TurnTag> c;
    hn::Vec<TurnTag> e;
    hn::LoadInterleaved4(d, from + 4 * i, a, b, c, e);
    const auto sum = hn::Add(a, b);
    const auto difference = hn::Sub(a, b);
    const auto next_sum = hn::Add(c, e);
    const auto next_difference = hn::Sub(c, e);
    hn::StoreU(hn::Add(sum, next_sum), d, to + i);
    hn::StoreU(hn::Add(difference, next_difference), d, to + 4 + i);
    hn::StoreU(hn::Sub(sum, next_sum), d, to + 8 + i);
    hn::StoreU(hn::Sub(difference, next_difference), d, to + 12 + i);
  }
}

// `size` is 16 or 32. The matrix is its own inverse; the signs are not on the
// same side of it.
HWY_INLINE void turn_group(float* x, int size, bool back) {
  const FloatTag d;
  // 1 / sqrt(size)
  const auto norm =
      hn::Set(d, size == kTurnedDimensions ? 0.176776695f : 0.25f);
  alignas(64) float values[kTurnedDimensions];
  for (int i = 0; i < size; i += kLanes) {
    auto value = hn::Mul(hn::LoadU(d, x + i), norm);
    if (!back) value = hn::Mul(value, hn::LoadU(d, kSigns + i % kKvLanes));
    hn::StoreU(value, d, values + i);
  }
  for (int i = 0; i < size; i += kKvLanes) {
    alignas(64) float turned[kKvLanes];
    turn_fours(values + i, turned);
    turn_fours(turned, values + i);
  }
  if (size == kTurnedDimensions) {
    for (int i = 0; i < kKvLanes; i += kLanes) {
      const auto low = hn::LoadU(d, values + i);
      const auto high = hn::LoadU(d, values + kKvLanes + i);
      hn::StoreU(hn::Add(low, high), d, values + i);
      hn::StoreU(hn::Sub(low, high), d, values + kKvLanes + i);
    }
  }
  for (int i = 0; i < size; i += kLanes) {
    auto value = hn::LoadU(d, values + i);
    if (back) value = hn::Mul(value, hn::LoadU(d, kSigns + i % kKvLanes));
    hn::StoreU(value, d, x + i);
  }
}

void Turn(float* x, int size, bool back) {
  for (int i = 0; i < size; i += kTurnedDimensions) {
    turn_group(x + i, std::min(kTurnedDimensions, size - i), back);
  }
}

// The least bf16 that is not below a positive value.
HWY_INLINE std::uint16_t bf16_above(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<std::uint16_t>((bits + 0xffffu) >> 16);
}

// `size` values, padded with zeros to whole vectors, as integers times the
// returned scale (bf16), which is NaN where one of them is not finite.
std::uint16_t RoundToInt8(const float* x, int size, std::int8_t* out) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> words;
  const hn::Rebind<std::int8_t, FloatTag> bytes;
  auto largest = hn::Zero(words);
  for (int i = 0; i < size; i += kLanes) {
    largest = larger_magnitude(d, largest, hn::LoadU(d, x + i));
  }
  const float limit = magnitude_of(d, largest);
  if (!(limit <= std::numeric_limits<float>::max())) {
    std::fill_n(out, size, std::int8_t{0});
    return float_to_bf16(std::numeric_limits<float>::quiet_NaN());
  }
  // Below this the inverse overflows; such values are as good as zero.
  const bool negligible = limit < 1e-35f;
  const std::uint16_t scale = negligible ? 0 : bf16_above(limit / 127.0f);
  const auto inverse =
      hn::Set(d, negligible ? 0.0f : 1.0f / bf16_to_float(scale));
  for (int i = 0; i < size; i += kLanes) {
    const auto q = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), inverse));
    hn::StoreU(hn::DemoteTo(bytes, hn::BitCast(words, q)), bytes, out + i);
  }
  return scale;
}

// Numbers beyond it become it: models made in bf16 may have some, and infinite
// ones would leave nothing of the rest.
constexpr float kLargestF16 = 65504.0f;

// Where Highway narrows to f16 by emulation it does not round to nearest.
#if HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4 || \
    HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
HWY_INLINE void narrow_f16(const float* from, std::byte* to) {
  auto* halves = reinterpret_cast<std::uint16_t*>(to);
  for (int i = 0; i < kKvLanes; ++i) {
    const bool finite = std::isfinite(from[i]);
    halves[i] = float_to_f16(
        finite ? std::clamp(from[i], -kLargestF16, kLargestF16) : from[i]);
  }
}
#else
HWY_INLINE void narrow_f16(const float* from, std::byte* to) {
  const FloatTag d;
  const hn::Rebind<hwy::float16_t, FloatTag> half;
  const auto most = hn::Set(d, kLargestF16);
  const auto largest_float = hn::Set(d, std::numeric_limits<float>::max());
  for (int i = 0; i < kKvLanes; i += kLanes) {
    const auto value = hn::LoadU(d, from + i);
    const auto kept = hn::Min(hn::Max(value, hn::Neg(most)), most);
    const auto finite = hn::Le(hn::Abs(value), largest_float);
    hn::StoreU(hn::DemoteTo(half, hn::IfThenElse(finite, kept, value)), half,
               reinterpret_cast<hwy::float16_t*>(to) + i);
  }
}
#endif

// 16 values to the type of the page.
void Narrow(KvType type, const float* from, std::byte* to) {
  if (type == KvType::kF16) return narrow_f16(from, to);
  if (type == KvType::kF32) {
    std::memcpy(to, from, kKvLanes * sizeof(float));
    return;
  }
  auto* halves = reinterpret_cast<std::uint16_t*>(to);
  for (int i = 0; i < kKvLanes; ++i) halves[i] = float_to_bf16(from[i]);
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace abstractllm::ops::cpu {

HWY_EXPORT(RoundToInt8);
HWY_EXPORT(Turn);
HWY_EXPORT(Narrow);

namespace {

// Turns a head, rounds it to int8 and stores its scales behind the
// `padded_size` columns of a page's part.
void round_head(const float* x, int size, int padded_size, int slot,
                std::byte* part, std::int8_t* out) {
  float padded[kMaxHeadSize] = {};
  std::copy_n(x, size, padded);
  HWY_DYNAMIC_DISPATCH(Turn)(padded, padded_size, false);
  auto* scales = reinterpret_cast<std::uint16_t*>(
      part + std::int64_t{kPagePositions} * padded_size);
  for (int i = 0; i < padded_size; i += kTurnedDimensions) {
    scales[i / kTurnedDimensions * kPagePositions + slot] =
        HWY_DYNAMIC_DISPATCH(RoundToInt8)(
            padded + i, std::min(kTurnedDimensions, padded_size - i), out + i);
  }
}

// Values of kBytes to every 16th place of `out` from `first` on.
template <int kBytes>
void spread(const std::byte* values, int count, std::byte* out, int first) {
  out += first * kBytes;
  for (int i = 0; i < count; ++i) {
    std::memcpy(out + i * kKvLanes * kBytes, values + i * kBytes, kBytes);
  }
}

}  // namespace

void turn_head(float* x, int size) {
  HWY_DYNAMIC_DISPATCH(Turn)(x, size, false);
}

void turn_back(float* x, int size) {
  HWY_DYNAMIC_DISPATCH(Turn)(x, size, true);
}

void store_key(KvType type, const float* key, int size, int padded_size,
               int slot, std::byte* keys) {
  if (type == KvType::kInt8) {
    std::int8_t rounded[kMaxHeadSize];
    round_head(key, size, padded_size, slot, keys, rounded);
    std::byte* lane = keys +
                      std::int64_t{slot / kKvLanes} * padded_size * kKvLanes +
                      slot % kKvLanes;
    for (int i = 0; i < padded_size; ++i) {
      lane[i * kKvLanes] = static_cast<std::byte>(rounded[i]);
    }
    return;
  }
  std::byte* block = keys + std::int64_t{slot / kKvLanes} * padded_size *
                                kKvLanes * kv_bytes(type);
  const int lane = slot % kKvLanes;
  for (int begin = 0; begin < size; begin += kKvLanes) {
    const int count = std::min(kKvLanes, size - begin);
    float padded[kKvLanes] = {};
    alignas(64) std::byte narrowed[kKvLanes * 4];
    std::copy_n(key + begin, count, padded);
    HWY_DYNAMIC_DISPATCH(Narrow)(type, padded, narrowed);
    if (kv_bytes(type) == 2) {
      spread<2>(narrowed, count, block, begin * kKvLanes + lane);
    } else {
      spread<4>(narrowed, count, block, begin * kKvLanes + lane);
    }
  }
}

void store_value(KvType type, const float* value, int size, int slot,
                 std::byte* values) {
  if (type == KvType::kInt8) {
    const int padded_size = (size + kKvLanes - 1) / kKvLanes * kKvLanes;
    std::int8_t rounded[kMaxHeadSize];
    round_head(value, size, padded_size, slot, values, rounded);
    for (int begin = 0; begin < padded_size; begin += kKvLanes) {
      std::memcpy(
          values + (begin / kKvLanes * kPagePositions + slot) * kKvLanes,
          rounded + begin, kKvLanes);
    }
    return;
  }
  const int bytes = kv_bytes(type) * kKvLanes;
  for (int begin = 0; begin < size; begin += kKvLanes) {
    std::byte* to = values + (begin / kKvLanes * kPagePositions + slot) * bytes;
    if (begin + kKvLanes <= size) {
      HWY_DYNAMIC_DISPATCH(Narrow)(type, value + begin, to);
    } else {
      float padded[kKvLanes] = {};
      std::copy_n(value + begin, size - begin, padded);
      HWY_DYNAMIC_DISPATCH(Narrow)(type, padded, to);
    }
  }
}

}  // namespace abstractllm::ops::cpu
#endif
