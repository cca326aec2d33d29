// Widening of the types that caches of keys and values have.
// SPDX-License-Identifier: Apache-2.0

// Included once for each target, hence no #pragma once.
#if defined(ABSTRACTLLM_OPS_CPU_KV_LOAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ABSTRACTLLM_OPS_CPU_KV_LOAD_INL_H_
#undef ABSTRACTLLM_OPS_CPU_KV_LOAD_INL_H_
#else
#define ABSTRACTLLM_OPS_CPU_KV_LOAD_INL_H_
#endif

#include <cstdint>
#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// A vector of values as f32; those of int8 are integers.
template <class D>
HWY_INLINE hn::Vec<D> load_kv(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load_kv(D d, const hwy::float16_t* p) {
  const hn::Rebind<hwy::float16_t, D> half;
  const hn::Vec<D> value = hn::PromoteTo(d, hn::LoadU(half, p));
// Where Highway widens f16 by emulation, what is not finite becomes 65536 and
// more; it lacks but the exponent.
#if HWY_TARGET == HWY_SSSE3 || HWY_TARGET == HWY_SSE4 || \
    HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  const auto infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  const auto beyond = hn::Ge(hn::Abs(value), hn::Set(d, 65536.0f));
  return hn::IfThenElse(beyond, hn::Or(value, infinity), value);
#else
  return value;
#endif
}
template <class D>
HWY_INLINE hn::Vec<D> load_kv(D d, const hwy::bfloat16_t* p) {
  const hn::Rebind<hwy::bfloat16_t, D> half;
  return hn::PromoteTo(d, hn::LoadU(half, p));
}
template <class D>
HWY_INLINE hn::Vec<D> load_kv(D d, const std::int8_t* p) {
  const hn::Rebind<std::int8_t, D> bytes;
  const hn::RebindToSigned<D> words;
  return hn::ConvertTo(d, hn::PromoteTo(words, hn::LoadU(bytes, p)));
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#endif
