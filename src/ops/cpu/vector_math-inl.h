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
