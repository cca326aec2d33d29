// SPDX-License-Identifier: Apache-2.0
#include "sampling/philox.h"

#include <gtest/gtest.h>

#include <cmath>

namespace abstractllm::sampling {
namespace {

using Block = std::array<std::uint32_t, 4>;

// The known answers that the authors publish with their Random123 library.
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Uniform, StaysInRangeWithTheRightMoments) {
  constexpr int kDraws = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = uniform(5, static_cast<std::uint64_t>(i));
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  // Five standard errors.
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kDraws));
}

TEST(Uniform, DependsOnAllBitsOfSeedAndPosition) {
  for (int bit = 0; bit < 64; ++bit) {
    EXPECT_NE(uniform(1ULL << bit, 3), uniform(0, 3)) << bit;
    EXPECT_NE(uniform(3, 1ULL << bit), uniform(3, 0)) << bit;
  }
  EXPECT_EQ(uniform(7, 8), uniform(7, 8));
}

}  // namespace
}  // namespace abstractllm::sampling
