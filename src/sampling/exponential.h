// exp with the same bits on every machine, for a number or a SIMD register.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace abstractllm::sampling {

/// Registers that every machine we run on has: SSE2, NEON.
using Floats = float __attribute__((vector_size(16)));
using FloatBits = std::uint32_t __attribute__((vector_size(16)));
using Doubles = double __attribute__((vector_size(16)));
using DoubleBits = std::uint64_t __attribute__((vector_size(16)));

/// e^x for x <= 0, minus infinity included; relative error below 3e-7, and 0
/// below e^-87. `Float` is float with std::uint32_t as `Bits`, or Floats with
/// FloatBits. REQUIRES: a translation unit compiled without contraction of
/// a * b + c, or the bits may differ.
template <typename Float, typename Bits>
Float exp_single(Float x) {
  constexpr float kLog2E = 1.44269504088896341F;
  // ln 2 in two pieces, the first with so few bits that n * kLn2High is exact.
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  constexpr float kRounder = 12582912.0F;
  const Float lowest = Float{} - 87.0F;
  const Float bounded = x > lowest ? x : lowest;
  const Float shifted = bounded * kLog2E + kRounder;
  const Float n = shifted - kRounder;
  const Float r = (bounded - n * kLn2High) - n * kLn2Low;
  // Taylor's series up to r^7; |r| <= ln 2 / 2.
  Float p = r * (1.0F / 5040) + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const Bits scaled =
      std::bit_cast<Bits>(p) + (std::bit_cast<Bits>(shifted) << 23);
  const Float result = std::bit_cast<Float>(scaled);
  return x > lowest ? result : Float{};
}

/// e^x for x <= 0, minus infinity included; relative error below 1e-15, and 0
/// below e^-700. `Double` is double with std::uint64_t as `Bits`, or Doubles
/// with DoubleBits. The same requirement.
template <typename Double, typename Bits>
Double exp_double(Double x) {
  constexpr double kLog2E = 1.4426950408889634074;
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr double kRounder = 6755399441055744.0;  // 1.5 * 2^52
  const Double lowest = Double{} - 700.0;
  const Double bounded = x > lowest ? x : lowest;
  const Double shifted = bounded * kLog2E + kRounder;
  const Double n = shifted - kRounder;
  const Double r = (bounded - n * kLn2High) - n * kLn2Low;
  // Taylor's series up to r^13.
  Double p = r * (1.0 / 6227020800) + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const Bits scaled =
      std::bit_cast<Bits>(p) + (std::bit_cast<Bits>(shifted) << 52);
  const Double result = std::bit_cast<Double>(scaled);
  return x > lowest ? result : Double{};
}

}  // namespace abstractllm::sampling
