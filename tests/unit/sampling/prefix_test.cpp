// SPDX-License-Identifier: Apache-2.0
#include "sampling/prefix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace abstractllm::sampling {
namespace {

// Sorts, as the definition has it. Weights are whole numbers, so that sums do
// not depend on their order.
std::vector<bool> naive(const std::vector<std::uint32_t>& keys,
                        const std::vector<float>& weights, double mass) {
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return keys[a] < keys[b]; });
  std::vector<bool> kept(keys.size(), false);
  double sum = 0;
  for (const std::size_t i : order) {
    kept[i] = true;
    sum += weights[i];
    if (sum >= mass) break;
  }
  return kept;
}

TEST(ShortestPrefix, EqualsASort) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    const std::size_t size = 1 + random() % 50;
    // Keys that differ in high, middle or low bits only, many of them equal.
    const int shift = std::vector{0, 3, 10, 14, 21, 27}[random() % 6];
    std::vector<std::uint32_t> keys(size);
    std::vector<float> weights(size);
    for (auto& key : keys)
      key = static_cast<std::uint32_t>(random() % 20) << shift;
    for (auto& weight : weights) weight = static_cast<float>(random() % 5);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    const double mass = total * static_cast<double>(random() % 12) / 10;
    const PrefixEnd end = shortest_prefix(keys, weights, mass);
    const auto expected = naive(keys, weights, mass);
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(end.contains(keys[i], i), expected[i])
          << "round " << round << " item " << i;
    }
  }
}

TEST(ShortestPrefix, TakesAllWhenTheMassIsOutOfReach) {
  const std::vector<std::uint32_t> keys{5, ~0U, 7};
  const std::vector<float> weights{1, 1, 1};
  const PrefixEnd end = shortest_prefix(keys, weights, 3.5);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_TRUE(end.contains(keys[i], i));
  }
}

TEST(Keys, OrderNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float numbers[] = {0, 1e-38F, 0.5F, 1, 1.0001F, 3e38F, kInfinity};
  for (std::size_t i = 1; i < std::size(numbers); ++i) {
    EXPECT_LT(ascending_key(numbers[i - 1]), ascending_key(numbers[i]));
    EXPECT_GT(descending_key(numbers[i - 1]), descending_key(numbers[i]));
  }
}

}  // namespace
}  // namespace abstractllm::sampling
