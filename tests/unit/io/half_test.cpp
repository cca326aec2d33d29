// SPDX-License-Identifier: Apache-2.0
#include "io/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace abstractllm::io {
namespace {

// The value of sign, exponent and mantissa, by the definition of the formats.
// `ieee`: the largest exponent means infinity and NaN.
double value_of(std::uint32_t bits, int exponent_bits, int mantissa_bits,
                bool ieee) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto mantissa = static_cast<int>(bits & ((1u << mantissa_bits) - 1));
  const auto exponent =
      static_cast<int>(bits >> mantissa_bits & ((1u << exponent_bits) - 1));
  const bool negative = bits >> (mantissa_bits + exponent_bits) & 1;
  double value = 0;
  if (ieee && exponent == (1 << exponent_bits) - 1) {
    value = mantissa == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    value = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  } else {
    value = std::ldexp(mantissa + (1 << mantissa_bits),
                       exponent - bias - mantissa_bits);
  }
  return negative ? -value : value;
}

void expect_same(float found, double expected, std::uint32_t bits) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(found)) << bits;
  } else {
    EXPECT_EQ(found, expected) << bits;
    EXPECT_EQ(std::signbit(found), std::signbit(expected)) << bits;
  }
}

TEST(Half, WidensEverySixteenBitValue) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    expect_same(f16_to_f32(half), value_of(bits, 5, 10, true), bits);
    expect_same(bf16_to_f32(half), value_of(bits, 8, 7, true), bits);
  }
}

TEST(Half, WidensEveryEightBitValue) {
  for (std::uint32_t bits = 0; bits <= 0xff; ++bits) {
    const auto byte = static_cast<std::uint8_t>(bits);
    const double e4m3 =
        (bits & 0x7f) == 0x7f ? NAN : value_of(bits, 4, 3, false);
    expect_same(f8_e4m3_to_f32(byte), e4m3, bits);
    expect_same(f8_e5m2_to_f32(byte), value_of(bits, 5, 2, true), bits);
    const double power =
        bits == 0xff ? NAN : std::ldexp(1.0, static_cast<int>(bits) - 127);
    expect_same(f8_e8m0_to_f32(byte), power, bits);
  }
}

TEST(Half, NarrowsWhatItWidened) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if (!std::isnan(f16_to_f32(half))) {
      EXPECT_EQ(f32_to_f16(f16_to_f32(half)), half);
    }
    if (!std::isnan(bf16_to_f32(half))) {
      EXPECT_EQ(f32_to_bf16(bf16_to_f32(half)), half);
    }
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(nan))));
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(nan))));
}

// No neighbour of the result is nearer, and of two as near the even one wins.
template <typename Widen>
void expect_nearest(float value, std::uint16_t narrowed, Widen widen) {
  const double error = std::fabs(static_cast<double>(widen(narrowed)) - value);
  for (const int step : {-1, 1}) {
    const auto neighbour = static_cast<std::uint16_t>(narrowed + step);
    if (((neighbour ^ narrowed) & 0x8000) != 0) continue;
    const float other = widen(neighbour);
    if (!std::isfinite(other)) continue;
    const double other_error = std::fabs(static_cast<double>(other) - value);
    EXPECT_LE(error, other_error) << value;
    if (error == other_error) {
      EXPECT_EQ(narrowed & 1, 0) << value;
    }
  }
}

TEST(Half, NarrowsToTheNearest) {
  std::mt19937 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const float value =
        std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) continue;
    if (std::fabs(value) < 65'504.0f) {
      expect_nearest(value, f32_to_f16(value), f16_to_f32);
    }
    if (std::fabs(value) < 3e38f) {
      expect_nearest(value, f32_to_bf16(value), bf16_to_f32);
    }
  }
  // Ties, between normal and between subnormal numbers.
  for (std::uint32_t bits = 1; bits < 0x7bff; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float middle =
        (f16_to_f32(half) + f16_to_f32(static_cast<std::uint16_t>(bits + 1))) *
        0.5f;
    expect_nearest(middle, f32_to_f16(middle), f16_to_f32);
  }
}

TEST(Half, NarrowsBeyondTheRangeToInfinity) {
  EXPECT_EQ(f32_to_f16(65'519.99f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65'520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(-1e30f), 0xfc00);
  EXPECT_EQ(f32_to_f16(0x1p-25f), 0);
  EXPECT_EQ(f32_to_f16(0x1.8p-25f), 1);
  EXPECT_EQ(f32_to_bf16(3.4028235e38f), 0x7f80);
}

}  // namespace
}  // namespace abstractllm::io
