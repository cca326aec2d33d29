// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/float_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "ops/cpu/half.h"
#include "unit/ops/cpu/highway_targets.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::on_each_highway_target;
using testing::random_values;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(FloatKernels, RmsNormDividesByTheRootMeanSquare) {
  ThreadPool pool({.threads = 2});
  on_each_highway_target([&] {
    for (const std::int64_t columns : {1, 7, 16, 33, 576}) {
      const std::vector<float> x = random_values(5 * columns, 1, 3.0f);
      const std::vector<float> weight = random_values(columns, 2);
      for (const bool plus_one : {false, true}) {
        std::vector<float> y(x.size());
        rms_norm(pool, x.data(), 5, columns, weight.data(),
                 {.eps = 1e-3f, .plus_one = plus_one}, y.data());
        for (std::int64_t row = 0; row < 5; ++row) {
          double squares = 0;
          for (std::int64_t c = 0; c < columns; ++c) {
            squares += std::pow(x[row * columns + c], 2);
          }
          const double factor = 1 / std::sqrt(squares / columns + 1e-3);
          for (std::int64_t c = 0; c < columns; ++c) {
            const double truth = x[row * columns + c] * factor *
                                 (weight[c] + (plus_one ? 1 : 0));
            EXPECT_NEAR(y[row * columns + c], truth,
                        2e-6 * (1 + std::fabs(truth)));
          }
        }
      }
    }
  });
}

TEST(FloatKernels, NormsTakeRowsOfEqualAndZeroValues) {
  ThreadPool pool({.threads = 1});
  std::vector<float> x(40, 0.0f);
  rms_norm(pool, x.data(), 1, 40, nullptr, {}, x.data());
  for (const float y : x) EXPECT_EQ(y, 0.0f);
  std::vector<float> equal(40, 1e6f);
  layer_norm(pool, equal.data(), 1, 40, nullptr, nullptr, {}, equal.data());
  for (const float y : equal) EXPECT_EQ(y, 0.0f);
}

TEST(FloatKernels, LayerNormTakesMeanAndDeviation) {
  ThreadPool pool({.threads = 2});
  on_each_highway_target([&] {
    for (const std::int64_t columns : {3, 16, 45, 200}) {
      std::vector<float> x = random_values(4 * columns, 3);
      for (float& v : x) v += 100.0f;
      const std::vector<float> weight = random_values(columns, 4);
      const std::vector<float> bias = random_values(columns, 5);
      std::vector<float> y(x.size());
      layer_norm(pool, x.data(), 4, columns, weight.data(), bias.data(),
                 {.eps = 1e-5f}, y.data());
      for (std::int64_t row = 0; row < 4; ++row) {
        const float* from = x.data() + row * columns;
        double mean = 0;
        double variance = 0;
        for (std::int64_t c = 0; c < columns; ++c) mean += from[c];
        mean /= static_cast<double>(columns);
        for (std::int64_t c = 0; c < columns; ++c) {
          variance += (from[c] - mean) * (from[c] - mean);
        }
        variance /= static_cast<double>(columns);
        for (std::int64_t c = 0; c < columns; ++c) {
          const double truth =
              (from[c] - mean) / std::sqrt(variance + 1e-5) * weight[c] +
              bias[c];
          EXPECT_NEAR(y[row * columns + c], truth,
                      1e-4 * (1 + std::fabs(truth)));
        }
      }
    }
  });
}

TEST(FloatKernels, SoftmaxSumsToOneAndGivesMaskedValuesNothing) {
  on_each_highway_target([] {
    for (const std::int64_t count : {1, 5, 16, 31, 1000}) {
      std::vector<float> x = random_values(count, 6, 10.0f);
      const std::vector<float> before = x;
      if (count > 1) x[1] = -kInfinity;
      double sum = 0;
      double truth_sum = 0;
      const float log_sum = softmax(x.data(), count);
      for (std::int64_t i = 0; i < count; ++i) {
        sum += x[i];
        if (i != 1) truth_sum += std::exp(static_cast<double>(before[i]));
      }
      EXPECT_NEAR(sum, 1, 1e-5);
      EXPECT_NEAR(log_sum, std::log(truth_sum), 1e-4);
      for (std::int64_t i = 0; i < count; ++i) {
        const double truth =
            i == 1 ? 0 : std::exp(static_cast<double>(before[i])) / truth_sum;
        EXPECT_NEAR(x[i], truth, 2e-6);
      }
    }
  });
  std::vector<float> none(7, -kInfinity);
  EXPECT_EQ(softmax(none.data(), 7), -kInfinity);
  EXPECT_EQ(none, std::vector<float>(7, 0.0f));
}

TEST(FloatKernels, SoftmaxOfWhatIsNotANumberIsNone) {
  on_each_highway_target([] {
    for (const std::int64_t count : {1, 5, 16, 40}) {
      // Alone, beside numbers and beside what has no weight.
      for (const float rest : {NAN, 3.0f, -kInfinity}) {
        for (const std::int64_t bad : {std::int64_t{0}, count / 2, count - 1}) {
          std::vector<float> x(static_cast<std::size_t>(count), rest);
          x[static_cast<std::size_t>(bad)] = NAN;
          EXPECT_TRUE(std::isnan(softmax(x.data(), count)));
          for (const float value : x) EXPECT_TRUE(std::isnan(value)) << rest;
        }
      }
    }
  });
}

TEST(FloatKernels, ActivationsOfOddCounts) {
  on_each_highway_target([] {
    const std::vector<float> x = random_values(37, 7, 3.0f);
    const std::vector<float> up = random_values(37, 8);
    std::vector<float> alone(37);
    std::vector<float> gated(37);
    activate(GateKind::kSilu, x.data(), 37, alone.data());
    gate(GateKind::kSilu, x.data(), up.data(), 37, gated.data());
    for (std::size_t i = 0; i < 37; ++i) {
      const double truth = x[i] / (1 + std::exp(-static_cast<double>(x[i])));
      EXPECT_NEAR(alone[i], truth, 2e-6 * (1 + std::fabs(truth)));
      EXPECT_NEAR(gated[i], truth * up[i], 4e-6 * (1 + std::fabs(truth)));
    }
  });
}

TEST(FloatKernels, AddScaledAndSoftCap) {
  on_each_highway_target([] {
    const std::vector<float> x = random_values(21, 9, 50.0f);
    std::vector<float> y(21, 1.0f);
    add_scaled(x.data(), 0.5f, 21, y.data());
    std::vector<float> capped = x;
    soft_cap(30.0f, 21, capped.data());
    for (std::size_t i = 0; i < 21; ++i) {
      EXPECT_FLOAT_EQ(y[i], 1.0f + 0.5f * x[i]);
      EXPECT_NEAR(capped[i], 30 * std::tanh(x[i] / 30.0), 1e-4);
    }
  });
}

TEST(FloatKernels, ArgmaxIsTheFirstOfTheLargest) {
  on_each_highway_target([] {
    for (const std::int64_t count : {1, 4, 17, 100}) {
      std::vector<float> x(static_cast<std::size_t>(count), -3.0f);
      EXPECT_EQ(argmax(x.data(), count), 0);
      x.back() = 2.0f;
      EXPECT_EQ(argmax(x.data(), count), count - 1);
      x[static_cast<std::size_t>(count / 2)] = 2.0f;
      EXPECT_EQ(argmax(x.data(), count), count / 2);
      x[0] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_EQ(argmax(x.data(), count), count == 1 ? 0 : count / 2);
    }
  });
}

TEST(Half, ConversionsRoundToNearestAndBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((bits & 0x7c00) != 0x7c00) {
      EXPECT_EQ(float_to_f16(f16_to_float(half)), half) << bits;
    }
    if ((bits & 0x7f80) != 0x7f80) {
      EXPECT_EQ(float_to_bf16(bf16_to_float(half)), half) << bits;
    }
  }
  EXPECT_EQ(f16_to_float(0x3c00), 1.0f);
  EXPECT_EQ(f16_to_float(0x0001), 0x1p-24f);
  EXPECT_EQ(float_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_f16(65519.0f), 0x7bff);
  EXPECT_EQ(float_to_f16(1.0f + 0x1p-11f), 0x3c00);  // tie to even
  EXPECT_TRUE(std::isnan(f16_to_float(float_to_f16(std::nanf("")))));
  EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(std::nanf("")))));
  EXPECT_EQ(f16_to_float(0xfc00), -kInfinity);
}

}  // namespace
}  // namespace abstractllm::ops::cpu
