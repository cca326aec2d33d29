// Small floating-point formats to and from float32, bit-exact.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace abstractllm::io {

// The widening functions are exact for every input, subnormals included, and
// keep infinities and NaN. They have no branch, so that loops over them
// vectorise, and no subnormal float32 in between, so that they stay exact
// where the processor flushes those to zero.

/// IEEE binary16.
constexpr float f16_to_f32(std::uint16_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  // 0x38000000 moves the exponent's bias from 15 to 127.
  std::uint32_t normal = (magnitude << 13) + 0x38000000u;
  normal += magnitude >= 0x7c00u ? 0x38000000u : 0u;  // infinity and NaN
  // Signed, because processors convert signed integers faster.
  const auto subnormal = std::bit_cast<std::uint32_t>(
      static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24f);
  return std::bit_cast<float>(sign |
                              (magnitude < 0x0400u ? subnormal : normal));
}

/// bfloat16: the upper half of a float32.
constexpr float bf16_to_f32(std::uint16_t half) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

/// 4 exponent bits, 3 mantissa bits, no infinity, 0x7f and 0xff are NaN (the
/// "fn" variant, which model files mean by F8_E4M3).
constexpr float f8_e4m3_to_f32(std::uint8_t value) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(value & 0x80u) << 24;
  const std::uint32_t magnitude = value & 0x7fu;
  std::uint32_t normal = (magnitude << 20) + 0x3c000000u;
  normal = magnitude == 0x7fu ? 0x7fc00000u : normal;
  const auto subnormal = std::bit_cast<std::uint32_t>(
      static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-9f);
  return std::bit_cast<float>(sign | (magnitude < 0x08u ? subnormal : normal));
}

/// 5 exponent bits, 2 mantissa bits: the upper half of a binary16.
constexpr float f8_e5m2_to_f32(std::uint8_t value) noexcept {
  return f16_to_f32(static_cast<std::uint16_t>(value << 8));
}

/// A power of two, 2^(value - 127); 0xff is NaN. 0 gives the subnormal 2^-127.
constexpr float f8_e8m0_to_f32(std::uint8_t value) noexcept {
  const std::uint32_t power = static_cast<std::uint32_t>(value) << 23;
  return std::bit_cast<float>(value == 0      ? 0x00400000u
                              : value == 0xff ? 0x7fc00000u
                                              : power);
}

/// Nearest binary16, ties to even; too large becomes infinity, NaN stays NaN.
constexpr std::uint16_t f32_to_f16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;
  } else if (magnitude >= 0x477ff000u) {  // rounds to 2^16 or more
    half = 0x7c00u;
  } else if (magnitude >= 0x38800000u) {
    const std::uint32_t rounded =
        magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u);
    half = rounded >> 13;
  } else if (magnitude >= 0x33000000u) {  // 2^-25, half the least subnormal
    const std::uint32_t exponent = magnitude >> 23;
    const std::uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const std::uint32_t shift = 126 - exponent;
    const std::uint32_t kept = mantissa >> shift;
    const std::uint32_t lost = mantissa & ((1u << shift) - 1);
    const std::uint32_t middle = 1u << (shift - 1);
    half = kept + (lost > middle || (lost == middle && (kept & 1u)) ? 1 : 0);
  }
  return static_cast<std::uint16_t>(sign | half);
}

/// Nearest bfloat16, ties to even; NaN stays NaN.
constexpr std::uint16_t f32_to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  }
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >>
                                    16);
}

}  // namespace abstractllm::io
