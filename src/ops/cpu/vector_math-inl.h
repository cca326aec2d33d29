// Functions of whole vectors that several kernels need.
// SPDX-License-Identifier: Apache-2.0

// Included once for each target, hence no #pragma once.
#if defined(ABSTRACTLLM_OPS_CPU_VECTOR_MATH_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef ABSTRACTLLM_OPS_CPU_VECTOR_MATH_INL_H_
#undef ABSTRACTLLM_OPS_CPU_VECTOR_MATH_INL_H_
#else
#define ABSTRACTLLM_OPS_CPU_VECTOR_MATH_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "ops/cpu/panel_kernels.h"

HWY_BEFORE_NAMESPACE();
namespace abstractllm::ops::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The largest of `largest` and |x|, as the bits of floats that are not
/// negative: so ordered, NaN is above infinity and infinity above the rest.
template <class D, class V, class VI>
HWY_INLINE VI larger_magnitude(D, VI largest, V x) {
  const hn::RebindToSigned<D> di;
  return hn::Max(largest, hn::BitCast(di, hn::Abs(x)));
}

/// The largest of its lanes as a float.
template <class D, class VI>
HWY_INLINE float magnitude_of(D d, VI largest) {
  const hn::RebindToSigned<D> di;
  return hn::GetLane(hn::BitCast(d, hn::MaxOfLanes(di, largest)));
}

/// `v` rounded to bf16, ties to even, in the high halves; the low halves are of
/// no meaning. Infinities stay what they are, and so do NaNs out of arithmetic.
template <class D, class V>
HWY_INLINE hn::VFromD<hn::RebindToUnsigned<D>> bf16_bits(D, V v) {
  const hn::RebindToUnsigned<D> words;
  const auto bits = hn::BitCast(words, v);
  const auto even = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 1u));
  return hn::Add(bits, hn::Add(even, hn::Set(words, 0x7fffu)));
}

/// The same, and any NaN stays one.
template <class D, class V>
HWY_INLINE hn::VFromD<hn::RebindToUnsigned<D>> bf16_bits_or_nan(D d, V v) {
  const hn::RebindToUnsigned<D> words;
  const auto quiet = hn::Or(hn::BitCast(words, v), hn::Set(words, 0x400000u));
  return hn::IfThenElse(hn::RebindMask(words, hn::Eq(v, v)), bf16_bits(d, v),
                        quiet);
}

/// Stores the high halves of `bits`.
template <class D>
HWY_INLINE void store_bf16(D, hn::VFromD<hn::RebindToUnsigned<D>> bits,
                           std::uint16_t* out) {
  const hn::Rebind<std::uint16_t, D> half;
  const hn::RebindToSigned<D> integers;
  hn::StoreU(
      hn::DemoteTo(half, hn::BitCast(integers, hn::ShiftRight<16>(bits))), half,
      out);
}

/// exp(x) to 8e-5 of its value, a quarter of what bf16 rounds to at the most; 0
/// below -87. NaN stays NaN. For x <= 0.
template <class D, class V>
HWY_INLINE V exp_for_bf16(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V t = hn::Mul(x, hn::Set(d, 1.44269504088896341f));
  const V whole = hn::Round(t);
  const V f = hn::Sub(t, whole);
  V p = hn::Set(d, 0.055171661f);
  p = hn::MulAdd(p, f, hn::Set(d, 0.24261113f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.69326097f));
  p = hn::MulAdd(p, f, hn::Set(d, 0.99992806f));
  const auto exponent = hn::ShiftLeft<23>(hn::ConvertTo(di, whole));
  const V result = hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
  return hn::IfThenZeroElse(hn::Le(t, hn::Set(d, -125.5f)), result);
}

/// exp(x) to about 1e-7 of its value; 0 below about -87, large but finite
/// above 88. NaN stays NaN.
template <class D, class V>
HWY_INLINE V exp_of(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V clamped = hn::Min(hn::Max(x, hn::Set(d, -87.5f)), hn::Set(d, 88.3f));
  const V rounded =
      hn::Round(hn::Mul(clamped, hn::Set(d, 1.44269504088896341f)));
  // ln 2 in two parts, so that the remainder keeps its digits.
  V r = hn::NegMulAdd(rounded, hn::Set(d, 0.693359375f), clamped);
  r = hn::NegMulAdd(rounded, hn::Set(d, -2.12194440e-4f), r);
  V p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  p = hn::MulAdd(p, hn::Mul(r, r), hn::Add(r, hn::Set(d, 1.0f)));
  const auto exponent =
      hn::ShiftLeft<23>(hn::Add(hn::ConvertTo(di, rounded), hn::Set(di, 127)));
  const V result = hn::Mul(p, hn::BitCast(d, exponent));
  const V or_zero =
      hn::IfThenElse(hn::Lt(x, hn::Set(d, -87.5f)), hn::Zero(d), result);
  return hn::IfThenElse(hn::Eq(x, x), or_zero, x);
}

/// x / (1 + exp(-x))
template <class D, class V>
HWY_INLINE V silu_of(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(x, hn::Add(one, exp_of(d, hn::Neg(x))));
}

/// tanh(x) to about 1e-6
template <class D, class V>
HWY_INLINE V tanh_of(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V e = exp_of(d, hn::Mul(hn::Set(d, -2.0f), hn::Abs(x)));
  const V large = hn::Div(hn::Sub(one, e), hn::Add(one, e));
  // Near zero 1 - e cancels; the odd series does not.
  const V s = hn::Mul(x, x);
  V p = hn::Set(d, -17.0f / 315.0f);
  p = hn::MulAdd(p, s, hn::Set(d, 2.0f / 15.0f));
  p = hn::MulAdd(p, s, hn::Set(d, -1.0f / 3.0f));
  p = hn::MulAdd(p, s, one);
  const V result = hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 0.125f)),
                                  hn::Mul(hn::Abs(x), p), large);
  return hn::CopySign(result, x);
}

/// erf(x) to about 2e-7 (Abramowitz and Stegun 7.1.26 is coarser, so this is
/// the series near zero and W. J. Cody's exponential form further out).
template <class D, class V>
HWY_INLINE V erf_of(D d, V x) {
  const V a = hn::Abs(x);
  const V s = hn::Mul(x, x);
  // |x| < 1: Maclaurin series to x^19.
  constexpr float kSeries[] = {-1.0f / 6894720.0f, 1.0f / 685440.0f,
                               -1.0f / 75600.0f,   1.0f / 9360.0f,
                               -1.0f / 1320.0f,    1.0f / 216.0f,
                               -1.0f / 42.0f,      1.0f / 10.0f,
                               -1.0f / 3.0f,       1.0f};
  V near = hn::Set(d, kSeries[0]);
  for (int i = 1; i < 10; ++i)
    near = hn::MulAdd(near, s, hn::Set(d, kSeries[i]));
  near = hn::Mul(hn::Mul(near, a), hn::Set(d, 1.1283791670955126f));
  // erfc(a) = t exp(-a^2 + P(t)), t = 1 / (1 + a / 2), relative error 1.2e-7
  // (Numerical Recipes' fit).
  const V one = hn::Set(d, 1.0f);
  const V t = hn::Div(one, hn::MulAdd(a, hn::Set(d, 0.5f), one));
  constexpr float kFit[] = {
      0.17087277f,  -0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f,
      -0.18628806f, 0.09678418f,  0.37409196f, 1.00002368f,  -1.26551223f};
  V fit = hn::Set(d, kFit[0]);
  for (int i = 1; i < 10; ++i) fit = hn::MulAdd(fit, t, hn::Set(d, kFit[i]));
  const V tail = hn::Mul(t, exp_of(d, hn::Sub(fit, s)));
  const V result = hn::IfThenElse(hn::Lt(a, one), near, hn::Sub(one, tail));
  return hn::CopySign(result, x);
}

/// The activation of a gated unit.
template <class D, class V>
HWY_INLINE V activation_of(D d, GateKind kind, V x) {
  const V one = hn::Set(d, 1.0f);
  const V half_x = hn::Mul(hn::Set(d, 0.5f), x);
  switch (kind) {
    case GateKind::kSilu:
      return silu_of(d, x);
    case GateKind::kGeluTanh: {
      const V cubic =
          hn::MulAdd(hn::Mul(hn::Mul(x, x), x), hn::Set(d, 0.044715f), x);
      const V t = tanh_of(d, hn::Mul(cubic, hn::Set(d, 0.7978845608028654f)));
      return hn::Mul(half_x, hn::Add(one, t));
    }
    case GateKind::kGeluErf: {
      const V e = erf_of(d, hn::Mul(x, hn::Set(d, 0.7071067811865476f)));
      return hn::Mul(half_x, hn::Add(one, e));
    }
    case GateKind::kReluSquared: {
      const V r = hn::Max(x, hn::Zero(d));
      return hn::Mul(r, r);
    }
    case GateKind::kQuickGelu: {
      const V slope = hn::Set(d, 1.702f);
      return hn::Div(silu_of(d, hn::Mul(slope, x)), slope);
    }
    default:
      return hn::Max(x, hn::Zero(d));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace abstractllm::ops::cpu
HWY_AFTER_NAMESPACE();

#endif
