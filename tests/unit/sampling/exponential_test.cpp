// SPDX-License-Identifier: Apache-2.0
#include "sampling/exponential.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace abstractllm::sampling {
namespace {

TEST(Exponential, SingleIsWithinItsErrorBound) {
  for (float x = 0; x > -87; x -= 0.0037F) {
    const double exact = std::exp(double{x});
    const float ours = exp_single<float, std::uint32_t>(x);
    ASSERT_NEAR(ours / exact, 1, 3e-7) << x;
  }
}

TEST(Exponential, DoubleIsWithinItsErrorBound) {
  for (double x = 0; x > -700; x -= 0.0373) {
    const double ours = exp_double<double, std::uint64_t>(x);
    ASSERT_NEAR(ours / std::exp(x), 1, 1e-15) << x;
  }
}

TEST(Exponential, EdgesAreExact) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto single = exp_single<float, std::uint32_t>;
  const auto wide = exp_double<double, std::uint64_t>;
  EXPECT_EQ(single(0), 1);
  EXPECT_EQ(single(-kInfinity), 0);
  EXPECT_EQ(single(-1e30F), 0);
  EXPECT_EQ(single(-87.5F), 0);
  EXPECT_EQ(wide(0), 1);
  EXPECT_EQ(wide(-double{kInfinity}), 0);
  EXPECT_EQ(wide(-800), 0);
}

TEST(Exponential, RegistersGiveTheBitsOfNumbers) {
  for (float x = 0; x > -90; x -= 0.37F) {
    const Floats x4 = {x, x - 0.1F, x - 0.2F, x - 100};
    const Floats y4 = exp_single<Floats, FloatBits>(x4);
    for (int lane = 0; lane < 4; ++lane) {
      ASSERT_EQ(y4[lane], (exp_single<float, std::uint32_t>(x4[lane])));
    }
    const Doubles x2 = {x, x - 650.0};
    const Doubles y2 = exp_double<Doubles, DoubleBits>(x2);
    for (int lane = 0; lane < 2; ++lane) {
      ASSERT_EQ(y2[lane], (exp_double<double, std::uint64_t>(x2[lane])));
    }
  }
}

}  // namespace
}  // namespace abstractllm::sampling
