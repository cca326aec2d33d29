// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/rotary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "unit/ops/cpu/highway_targets.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::on_each_highway_target;
using testing::random_values;

std::vector<float> frequencies(int dims) {
  std::vector<float> result;
  for (int i = 0; i < dims; i += 2) {
    result.push_back(std::pow(10000.0f, -static_cast<float>(i) / dims));
  }
  return result;
}

TEST(Rotary, TurnsPairsByPositionTimesFrequency) {
  ThreadPool pool({.threads = 2});
  on_each_highway_target([&] {
    for (const RopePairs pairs : {RopePairs::kHalves, RopePairs::kNeighbours}) {
      for (const auto& [size, dims] : std::vector<std::pair<int, int>>{
               {64, 64}, {80, 20}, {6, 4}, {128, 64}}) {
        const int heads = 3;
        const std::int64_t tokens = 5;
        RotaryTable table(frequencies(dims), 1.25f, pairs);
        table.rows(0, 2);  // grown twice
        const RopeRows rows = table.rows(1000, tokens);
        const std::int64_t stride = heads * size + 3;
        const std::vector<float> x = random_values(tokens * stride, 1);
        std::vector<float> y = x;
        transform_heads(pool, y.data(), tokens, heads, size, stride,
                        {.rope = rows});
        for (std::int64_t i = 0; i < tokens * stride; ++i) {
          const std::int64_t in_token = i % stride;
          const auto at = static_cast<int>(in_token % size);
          const auto value = [&](int dim) {
            return static_cast<double>(x[i - at + dim]);
          };
          double truth = value(at);
          if (in_token < heads * size && at < dims) {
            const bool halves = pairs == RopePairs::kHalves;
            const int pair = halves ? at % (dims / 2) : at / 2;
            const int low = halves ? pair : 2 * pair;
            const int high = halves ? pair + dims / 2 : 2 * pair + 1;
            const double angle = static_cast<double>(
                static_cast<float>(1000 + i / stride) *
                frequencies(dims)[static_cast<std::size_t>(pair)]);
            truth = 1.25 * (at == low ? value(low) * std::cos(angle) -
                                            value(high) * std::sin(angle)
                                      : value(low) * std::sin(angle) +
                                            value(high) * std::cos(angle));
          }
          ASSERT_NEAR(y[i], truth, 1e-5 * (1 + std::fabs(truth)));
        }
      }
    }
  });
}

TEST(Rotary, NormsHeadsFirst) {
  ThreadPool pool({.threads = 1});
  on_each_highway_target([&] {
    const std::vector<float> weight = random_values(20, 3);
    const std::vector<float> x = random_values(20, 4);
    std::vector<float> y = x;
    transform_heads(
        pool, y.data(), 1, 1, 20, 0,
        {.norm = weight.data(), .norm_eps = 0.5f, .norm_plus_one = true});
    double squares = 0;
    for (const float v : x) squares += v * v;
    for (std::size_t i = 0; i < 20; ++i) {
      EXPECT_NEAR(
          y[i], x[i] / std::sqrt(squares / 20 + 0.5) * (weight[i] + 1.0), 1e-5);
    }
  });
}

// A copy of the table for every token would make a decode quadratic.
TEST(Rotary, RowsAfterRowsSeldomMove) {
  RotaryTable table(frequencies(8));
  const float* begin = nullptr;
  int moves = 0;
  for (int position = 0; position < 10000; ++position) {
    const float* now = table.rows(position, 1).cos - position * 4;
    moves += now != begin;
    begin = now;
  }
  EXPECT_LE(moves, 16);
}

}  // namespace
}  // namespace abstractllm::ops::cpu
