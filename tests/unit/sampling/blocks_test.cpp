// SPDX-License-Identifier: Apache-2.0
#include "sampling/blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "abstractllm/error.h"

namespace abstractllm::sampling {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Sizes around the edges of blocks.
constexpr std::size_t kSizes[] = {1, 2, 63, 64, 65, 127, 128, 200, 1000};

// Logits on a coarse grid, so that many are equal.
std::vector<float> grid_logits(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> logits(size);
  for (float& logit : logits) logit = static_cast<float>(random() % 40) / 4 - 5;
  return logits;
}

TEST(ScanLogits, FindsTheGreatestAndItsLowestIndex) {
  for (const std::size_t size : kSizes) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      const auto logits = grid_logits(size, seed);
      std::vector<float> block_max;
      const Maximum best = scan_logits(logits, block_max);
      const auto expected = std::max_element(logits.begin(), logits.end());
      EXPECT_EQ(best.value, *expected);
      EXPECT_EQ(best.index, expected - logits.begin());
      ASSERT_EQ(block_max.size(), block_count(size));
      for (std::size_t i = 0; i < size; ++i) {
        EXPECT_GE(block_max[i / kBlock], logits[i]);
      }
    }
  }
}

TEST(ScanLogits, RefusesUnsoundLogitsWhereverTheyAre) {
  std::vector<float> block_max;
  for (const std::size_t size : kSizes) {
    for (std::size_t i = 0; i < size; i += 1 + size / 70) {
      for (const float bad : {kNan, -kNan, kInfinity}) {
        auto logits = grid_logits(size, 1);
        logits[i] = bad;
        try {
          scan_logits(logits, block_max);
          FAIL() << bad << " at " << i;
        } catch (const GenerationError& error) {
          EXPECT_THAT(error.message(),
                      ::testing::HasSubstr("token " + std::to_string(i)));
          EXPECT_FALSE(error.hint().empty());
        }
      }
    }
  }
}

TEST(ScanLogits, MinusInfinityExcludesAndAllOfItIsAnError) {
  std::vector<float> block_max;
  std::vector<float> logits(100, -kInfinity);
  EXPECT_THROW(scan_logits(logits, block_max), GenerationError);
  logits[99] = -1e30F;
  EXPECT_EQ(scan_logits(logits, block_max).index, 99);
}

TEST(Weigh, GivesWeightsAndSums) {
  for (const std::size_t size : kSizes) {
    auto logits = grid_logits(size, 3);
    logits[size / 2] = -kInfinity;
    logits[0] = 6;
    std::vector<float> weights;
    std::vector<float> block_max;
    std::vector<double> block_sum;
    const double total = weigh(logits, 6, 0.5F, weights, block_max, block_sum);
    ASSERT_EQ(weights.size(), size);
    double expected_total = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const double expected = std::exp((double{logits[i]} - 6) / 2);
      EXPECT_NEAR(weights[i], expected, 1e-6 * expected);
      EXPECT_GE(block_max[i / kBlock], weights[i]);
      expected_total += expected;
    }
    EXPECT_NEAR(total, expected_total, 1e-6 * expected_total);
    EXPECT_DOUBLE_EQ(std::accumulate(block_sum.begin(), block_sum.end(), 0.0),
                     total);
  }
}

TEST(WeightedExponents, LeavesOutWhatHasNoWeight) {
  for (const std::size_t size : kSizes) {
    auto logits = grid_logits(size, 4);
    logits[size / 2] = -kInfinity;
    logits[0] = 6;
    std::vector<float> weights;
    std::vector<float> block_max;
    std::vector<double> block_sum;
    weigh(logits, 6, 0.5F, weights, block_max, block_sum);
    double expected = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (weights[i] > 0) expected += weights[i] * (logits[i] - 6.0) / 2;
    }
    EXPECT_NEAR(weighted_exponents(logits, weights, 6, 0.5F), expected,
                1e-6 * std::abs(expected));
  }
}

TEST(LogSumExp, IsExactToDoublePrecision) {
  for (const std::size_t size : kSizes) {
    const auto logits = grid_logits(size, 5);
    const float max = *std::max_element(logits.begin(), logits.end());
    long double sum = 0;
    for (const float logit : logits) sum += std::exp((long double){logit});
    EXPECT_NEAR(log_sum_exp(logits, max), double(std::log(sum)), 1e-14);
  }
}

TEST(Greatest, EqualsTheFrontOfASortForEveryCount) {
  for (const std::size_t size : kSizes) {
    const auto logits = grid_logits(size, 6);
    std::vector<float> block_max;
    scan_logits(logits, block_max);
    std::vector<std::int32_t> sorted(size);
    std::iota(sorted.begin(), sorted.end(), 0);
    std::stable_sort(sorted.begin(), sorted.end(), [&](auto a, auto b) {
      return logits[std::size_t(a)] > logits[std::size_t(b)];
    });
    for (std::size_t count = 1; count <= size; count += 1 + count / 8) {
      std::vector<std::int32_t> expected(
          sorted.begin(), sorted.begin() + std::ptrdiff_t(count));
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(greatest(logits, block_max, count), expected) << count;
    }
    EXPECT_EQ(greatest(logits, block_max, size + 7).size(), size);
  }
}

TEST(CollectAtLeast, KeepsExactlyTheValuesAboveTheThreshold) {
  for (const std::size_t size : kSizes) {
    const auto values = grid_logits(size, 7);
    std::vector<float> block_max;
    scan_logits(values, block_max);
    std::vector<std::int32_t> indices{1, 2, 3};
    for (const float threshold : {-9.0F, 0.0F, 4.0F, 4.75F, 9.0F}) {
      std::vector<std::int32_t> expected;
      for (std::size_t i = 0; i < size; ++i) {
        if (values[i] >= threshold) expected.push_back(std::int32_t(i));
      }
      collect_at_least(values, block_max, threshold, indices);
      EXPECT_EQ(indices, expected);
    }
  }
}

}  // namespace
}  // namespace abstractllm::sampling
