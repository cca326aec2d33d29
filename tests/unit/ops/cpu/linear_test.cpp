// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "abstractllm/error.h"
#include "ops/cpu/bf16_kernels.h"
#include "ops/cpu/half.h"
#include "unit/ops/cpu/feature_sets.h"
#include "unit/ops/cpu/highway_targets.h"
#include "unit/ops/cpu/test_matrix.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::feature_sets;
using testing::on_each_highway_target;
using testing::random_values;
using testing::reference_product;
using testing::TestMatrix;
using Scales = TestMatrix::Scales;

/// Error of y relative to the size of the terms that were summed:
/// |y - truth| / sqrt(sum of squares of the products), the largest of all.
double relative_error(const std::vector<float>& y, const std::vector<float>& x,
                      std::int64_t m, const TestMatrix& w) {
  const std::vector<double> truth = reference_product(x, m, w);
  const std::int64_t n = w.shape().rows;
  const std::int64_t k = w.shape().columns;
  double worst = 0;
  for (std::int64_t i = 0; i < m * n; ++i) {
    double squares = 1e-30;
    for (std::int64_t c = 0; c < k; ++c) {
      const double term =
          static_cast<double>(x[static_cast<std::size_t>(i / n * k + c)]) *
          w.values()[static_cast<std::size_t>(i % n * k + c)];
      squares += term * term;
    }
    const auto at = static_cast<std::size_t>(i);
    const double error = std::fabs(y[at] - truth[at]) / std::sqrt(squares);
    if (!(error <= worst)) worst = error;  // NaN is the worst
  }
  return worst;
}

/// What is left of x when 32 neighbours share a scale and have 8 bits each.
std::vector<float> rounded_to_int8(const std::vector<float>& x,
                                   std::int64_t columns) {
  std::vector<float> result(x.size());
  const auto width = static_cast<std::size_t>(columns);
  for (std::size_t row = 0; row < x.size(); row += width) {
    for (std::size_t begin = row; begin < row + width; begin += 32) {
      const std::size_t end = std::min(begin + 32, row + width);
      float largest = 0;
      for (std::size_t i = begin; i < end; ++i) {
        largest = std::max(largest, std::fabs(x[i]));
      }
      for (std::size_t i = begin; i < end; ++i) {
        result[i] = largest == 0 ? 0
                                 : std::nearbyint(x[i] * (127.0f / largest)) *
                                       (largest / 127.0f);
      }
    }
  }
  return result;
}

std::vector<float> rounded_to_bf16(std::vector<float> x) {
  for (float& value : x) value = bf16_to_float(float_to_bf16(value));
  return x;
}

/// What weights of this kind meet instead of x under Precision::kInt8.
std::vector<float> rounded_for(const WeightShape& shape,
                               const CpuFeatures& features,
                               const std::vector<float>& x) {
  if (shape.group != 0) return rounded_to_int8(x, shape.columns);
  const bool rounds = shape.encoding == WeightEncoding::kBF16 &&
                      bf16_kernels(features) != nullptr;
  return rounds ? rounded_to_bf16(x) : x;
}

std::vector<float> product(ThreadPool& pool, const TestMatrix& w,
                           const std::vector<float>& x, std::int64_t m,
                           const LinearOptions& options) {
  const PackedMatrix packed =
      PackedMatrix::pack(w, pool, {.round_scales = false});
  std::vector<float> y(static_cast<std::size_t>(m * w.shape().rows), NAN);
  Activations input;
  input.set(x.data(), m, w.shape().columns);
  linear(pool, input, {{.weights = &packed, .y = y.data()}}, options);
  return y;
}

struct Encoding {
  WeightEncoding encoding;
  int bits;
  int group;
  Scales scales;
};

void PrintTo(const Encoding& e, std::ostream* out) {
  *out << "encoding " << static_cast<int>(e.encoding) << " bits " << e.bits
       << " group " << e.group << " scales " << static_cast<int>(e.scales);
}

std::vector<Encoding> encodings() {
  std::vector<Encoding> all = {
      {WeightEncoding::kF32, 0, 0, Scales::kF16},
      {WeightEncoding::kF16, 0, 0, Scales::kF16},
      {WeightEncoding::kBF16, 0, 0, Scales::kF16},
      {WeightEncoding::kMxfp4, 4, 32, Scales::kF16},
  };
  for (int bits : {2, 3, 4, 5, 6, 8}) {
    for (int group : {16, 32, 64, 128}) {
      all.push_back({WeightEncoding::kAffine, bits, group, Scales::kF16});
    }
    for (Scales scales : {Scales::kBF16, Scales::kF32, Scales::kSymmetric,
                          Scales::kHuge, Scales::kEqual}) {
      all.push_back({WeightEncoding::kAffine, bits, 32, scales});
    }
    all.push_back({WeightEncoding::kAffine, bits, 16, Scales::kSymmetric});
    all.push_back({WeightEncoding::kAffine, bits, 128, Scales::kSymmetric});
  }
  return all;
}

class LinearOf : public ::testing::TestWithParam<Encoding> {
 protected:
  TestMatrix matrix(std::int64_t rows, std::int64_t columns) const {
    const Encoding& e = GetParam();
    return TestMatrix({.rows = rows,
                       .columns = columns,
                       .encoding = e.encoding,
                       .bits = e.bits,
                       .group = e.group},
                      7, e.scales);
  }
};

TEST_P(LinearOf, EqualsTheSumOfProductsInEveryInstructionSet) {
  ThreadPool pool({.threads = 2});
  for (const std::int64_t m : {1, 2, 3, 7, 13}) {
    // Two chunks and an odd rest of columns; two panels and an odd rest.
    const TestMatrix w = matrix(37, 256 + 48 + 3);
    const std::vector<float> x = random_values(m * w.shape().columns, 3);
    for (const CpuFeatures& features : feature_sets()) {
      const std::vector<float> rounded = rounded_for(w.shape(), features, x);
      const LinearOptions exact{.precision = Precision::kExact,
                                .features = &features};
      EXPECT_LT(relative_error(product(pool, w, x, m, exact), x, m, w), 2e-5)
          << "exact, m " << m;
      const LinearOptions fast{.precision = Precision::kInt8,
                               .features = &features};
      const LinearOptions pair{.precision = Precision::kInt8Pair,
                               .features = &features};
      EXPECT_LT(relative_error(product(pool, w, x, m, fast), rounded, m, w),
                2e-5)
          << int8_kernels(features).name << ", m " << m;
      EXPECT_LT(relative_error(product(pool, w, x, m, pair), x, m, w), 4e-4)
          << int8_kernels(features).name << " in pairs, m " << m;
    }
  }
}

// Rows for which codes are laid out once, over three chunks and an odd rest.
TEST_P(LinearOf, ManyRowsOfAnOddNumberOfColumns) {
  ThreadPool pool({.threads = 2});
  const std::int64_t m = 130;
  const TestMatrix w = matrix(37, 2 * 256 + 48 + 3);
  const std::vector<float> x = random_values(m * w.shape().columns, 3);
  std::string best;
  for (const CpuFeatures& features : feature_sets()) {
    // Some sets differ in kernels that these precisions do not use.
    if (best == int8_kernels(features).name) continue;
    best = int8_kernels(features).name;
    const std::vector<float> rounded = rounded_for(w.shape(), features, x);
    const LinearOptions fast{.precision = Precision::kInt8,
                             .features = &features};
    const LinearOptions pair{.precision = Precision::kInt8Pair,
                             .features = &features};
    EXPECT_LT(relative_error(product(pool, w, x, m, fast), rounded, m, w), 2e-5)
        << best;
    EXPECT_LT(relative_error(product(pool, w, x, m, pair), x, m, w), 4e-4)
        << best << " in pairs";
  }
}

TEST_P(LinearOf, GivesTheSameForEveryNumberOfThreads) {
  const TestMatrix w = matrix(70, 200);
  const std::int64_t m = 19;
  const std::vector<float> x = random_values(m * 200, 5);
  ThreadPool alone({.threads = 1});
  ThreadPool many({.threads = 5});
  for (const Precision precision :
       {Precision::kInt8, Precision::kInt8Pair, Precision::kExact}) {
    EXPECT_EQ(product(alone, w, x, m, {.precision = precision}),
              product(many, w, x, m, {.precision = precision}));
  }
}

TEST_P(LinearOf, GivesARowTheSameWhateverStandsBesideIt) {
  ThreadPool pool({.threads = 2});
  // Enough rows for every way there is, and one block of every height.
  const std::int64_t m = 143;
  const std::int64_t columns = 256 + 48 + 3;
  const TestMatrix w = matrix(53, columns);
  const std::vector<float> x = random_values(m * columns, 8);
  for (const CpuFeatures& features : feature_sets()) {
    for (const Precision precision :
         {Precision::kInt8, Precision::kInt8Pair, Precision::kExact}) {
      const LinearOptions options{.precision = precision,
                                  .features = &features};
      const std::vector<float> together = product(pool, w, x, m, options);
      for (const std::int64_t row : {0, 9, 127, 135, 136, 139, 140, 142}) {
        const std::vector<float> one(x.begin() + row * columns,
                                     x.begin() + (row + 1) * columns);
        const std::vector<float> alone = product(pool, w, one, 1, options);
        ASSERT_EQ(alone, std::vector<float>(together.begin() + row * 53,
                                            together.begin() + (row + 1) * 53))
            << int8_kernels(features).name << ", row " << row;
      }
    }
  }
}

TEST_P(LinearOf, RowsGatherAsTheyWere) {
  ThreadPool pool({.threads = 2});
  const TestMatrix w = matrix(35, 300);
  const PackedMatrix packed =
      PackedMatrix::pack(w, pool, {.round_scales = false});
  const std::vector<std::int32_t> ids = {34, 0, 16, 15};
  std::vector<float> rows(ids.size() * 300);
  packed.gather_rows(ids, rows.data());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto id = static_cast<std::size_t>(ids[i / 300]);
    const float truth = w.values()[id * 300 + i % 300];
    ASSERT_NEAR(rows[i], truth, std::fabs(truth) * 1e-6f) << i;
  }
}

TEST_P(LinearOf, ManyRowsOfActivations) {
  ThreadPool pool({.threads = 3});
  const CpuFeatures all = detect_cpu_features();
  const TestMatrix w = matrix(50, 160);
  for (const std::int64_t m : {64, 513}) {
    const std::vector<float> x = random_values(m * 160, 9);
    const std::vector<float> rounded = rounded_for(w.shape(), all, x);
    const auto y = [&](Precision precision) {
      return product(pool, w, x, m, {.precision = precision});
    };
    EXPECT_LT(relative_error(y(Precision::kExact), x, m, w), 2e-5);
    EXPECT_LT(relative_error(y(Precision::kInt8), rounded, m, w), 2e-5);
    EXPECT_LT(relative_error(y(Precision::kInt8Pair), x, m, w), 4e-4);
  }
}

TEST_P(LinearOf, WhatIsNotFiniteStaysInItsRow) {
  ThreadPool pool({.threads = 1});
  const TestMatrix w = matrix(21, 160);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          -std::numeric_limits<float>::infinity()}) {
    // With weights as they lie in memory, and with those of many rows.
    for (const std::int64_t m : {3, 40, 130}) {
      std::vector<float> x = random_values(m * 160, 3);
      x[160 + 37] = bad;
      for (const CpuFeatures& features : feature_sets()) {
        for (const Precision precision :
             {Precision::kExact, Precision::kInt8, Precision::kInt8Pair}) {
          const std::vector<float> y = product(
              pool, w, x, m, {.precision = precision, .features = &features});
          for (std::size_t i = 0; i < y.size(); ++i) {
            ASSERT_EQ(std::isfinite(y[i]), i / 21 != 1)
                << i << ", " << m << " rows, " << bad;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Encodings, LinearOf, ::testing::ValuesIn(encodings()));

TEST(Linear, ManyRowsOfActivationsInEveryInstructionSet) {
  ThreadPool pool({.threads = 3});
  for (const std::int64_t m : {64, 513}) {
    for (const Encoding& e :
         {Encoding{WeightEncoding::kAffine, 4, 32, Scales::kSymmetric},
          Encoding{WeightEncoding::kAffine, 4, 64, Scales::kBF16},
          Encoding{WeightEncoding::kAffine, 6, 16, Scales::kF32},
          Encoding{WeightEncoding::kBF16, 0, 0, Scales::kF16}}) {
      const TestMatrix w({.rows = 50,
                          .columns = 160,
                          .encoding = e.encoding,
                          .bits = e.bits,
                          .group = e.group},
                         11, e.scales);
      const std::vector<float> x = random_values(m * 160, 9);
      for (const CpuFeatures& features : feature_sets()) {
        const std::vector<float> rounded = rounded_for(w.shape(), features, x);
        const LinearOptions exact{.precision = Precision::kExact,
                                  .features = &features};
        EXPECT_LT(relative_error(product(pool, w, x, m, exact), x, m, w), 2e-5);
        const LinearOptions fast{.precision = Precision::kInt8,
                                 .features = &features};
        const LinearOptions pair{.precision = Precision::kInt8Pair,
                                 .features = &features};
        EXPECT_LT(relative_error(product(pool, w, x, m, fast), rounded, m, w),
                  2e-5);
        EXPECT_LT(relative_error(product(pool, w, x, m, pair), x, m, w), 4e-4);
      }
    }
  }
}

// However many strips the rows are cut into, for weights of few panels and of
// many.
TEST(Linear, PromptsOfAllLengthsGiveARowTheSame) {
  constexpr std::int64_t kColumns = 96;
  ThreadPool pool({.threads = 3});
  for (const std::int64_t outputs : {40, 3300}) {
    const TestMatrix w({.rows = outputs,
                        .columns = kColumns,
                        .encoding = WeightEncoding::kAffine,
                        .bits = 4,
                        .group = 32},
                       12, Scales::kSymmetric);
    const std::vector<float> x = random_values(1030 * kColumns, 13);
    const auto rows_of = [](const std::vector<float>& all, std::int64_t first,
                            std::int64_t count, std::int64_t width) {
      return std::vector<float>(all.begin() + first * width,
                                all.begin() + (first + count) * width);
    };
    for (const Precision precision : {Precision::kInt8, Precision::kExact}) {
      const LinearOptions options{.precision = precision};
      for (const std::int64_t m : {127, 128, 129, 264, 513, 1030}) {
        const std::vector<float> together =
            product(pool, w, rows_of(x, 0, m, kColumns), m, options);
        for (const std::int64_t row : {std::int64_t{0}, m / 2, m - 1}) {
          ASSERT_EQ(product(pool, w, rows_of(x, row, 1, kColumns), 1, options),
                    rows_of(together, row, 1, outputs))
              << m << " rows, row " << row << ", " << outputs << " outputs";
        }
      }
    }
  }
}

TEST(Linear, RoundedActivationsCostLittle) {
  ThreadPool pool({.threads = 2});
  const TestMatrix w({.rows = 256,
                      .columns = 512,
                      .encoding = WeightEncoding::kAffine,
                      .bits = 4,
                      .group = 32},
                     5, Scales::kSymmetric);
  const std::vector<float> x = random_values(8 * 512, 12);
  const std::vector<float> fast =
      product(pool, w, x, 8, {.precision = Precision::kInt8});
  const std::vector<double> truth = reference_product(x, 8, w);
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < fast.size(); ++i) {
    error += (fast[i] - truth[i]) * (fast[i] - truth[i]);
    size += truth[i] * truth[i];
  }
  // Uniform rounding to 1/127 of the largest of 32 values with outliers.
  EXPECT_LT(std::sqrt(error / size), 0.01);
}

// Each column is off by at most half of bf16's last of 8 bits.
TEST(Linear, Bf16ActivationsCostLittle) {
  ThreadPool pool({.threads = 2});
  const TestMatrix w(
      {.rows = 256, .columns = 512, .encoding = WeightEncoding::kBF16}, 5);
  const std::vector<float> x = random_values(8 * 512, 12);
  const auto worst = [&](Precision precision) {
    return relative_error(product(pool, w, x, 8, {.precision = precision}), x,
                          8, w);
  };
  EXPECT_LT(worst(Precision::kInt8), 0x1p-7);
  EXPECT_LT(worst(Precision::kInt8Pair), 2e-6);
  EXPECT_LT(worst(Precision::kExact), 2e-6);
}

// Those of images, whatever the precision of quantised weights.
TEST(Linear, LargeWeightsOfBf16MeetBf16WhereAsked) {
  ThreadPool pool({.threads = 2});
  for (const std::int64_t side : {511, 512}) {
    const TestMatrix w(
        {.rows = side, .columns = 512, .encoding = WeightEncoding::kBF16}, 5);
    const std::vector<float> x = random_values(8 * 512, 12);
    const auto y = [&](Precision precision, bool rounds) {
      return product(pool, w, x, 8,
                     {.precision = precision, .rounds_bf16 = rounds});
    };
    const std::vector<float> exact = y(Precision::kExact, false);
    EXPECT_EQ(y(Precision::kExact, true), exact);
    EXPECT_EQ(y(Precision::kInt8Pair, false), exact);
    EXPECT_EQ(y(Precision::kInt8Pair, true),
              side < 512 ? exact : y(Precision::kInt8, false));
    EXPECT_LT(relative_error(y(Precision::kInt8Pair, true), x, 8, w), 0x1p-7);
  }
}

TEST(Linear, ExactAndPairedRowsOfDenseWeightsAreTheSame) {
  ThreadPool pool({.threads = 2});
  for (const WeightEncoding encoding :
       {WeightEncoding::kBF16, WeightEncoding::kF16, WeightEncoding::kF32}) {
    const TestMatrix w({.rows = 40, .columns = 301, .encoding = encoding}, 6);
    const std::vector<float> x = random_values(9 * 301, 12);
    EXPECT_EQ(product(pool, w, x, 9, {.precision = Precision::kInt8Pair}),
              product(pool, w, x, 9, {.precision = Precision::kExact}));
  }
}

TEST(Linear, NaNsStayWhereTheyAre) {
  ThreadPool pool({.threads = 1});
  const TestMatrix w(
      {.rows = 16, .columns = 64, .encoding = WeightEncoding::kBF16}, 5);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::bit_cast<float>(0x7fffffffu)}) {
    std::vector<float> x = random_values(3 * 64, 12);
    x[64 + 7] = bad;
    const std::vector<float> y =
        product(pool, w, x, 3, {.precision = Precision::kInt8});
    for (std::size_t i = 0; i < y.size(); ++i) {
      EXPECT_EQ(std::isnan(y[i]), i / 16 == 1) << i;
    }
  }
}

TEST(Linear, FloatPartsAgreeOnEveryHighwayTarget) {
  ThreadPool pool({.threads = 1});
  const TestMatrix quantised({.rows = 33,
                              .columns = 96,
                              .encoding = WeightEncoding::kAffine,
                              .bits = 5,
                              .group = 32},
                             1);
  const TestMatrix half(
      {.rows = 33, .columns = 96, .encoding = WeightEncoding::kF16}, 2);
  const TestMatrix brain(
      {.rows = 33, .columns = 96, .encoding = WeightEncoding::kBF16}, 3);
  const CpuFeatures features = detect_cpu_features();
  const std::vector<float> x = random_values(15 * 96, 4);
  on_each_highway_target([&] {
    for (const TestMatrix* w : {&quantised, &half, &brain}) {
      // Few rows and many go different ways.
      const std::vector<float> few(x.begin(), x.begin() + 7 * 96);
      EXPECT_LT(relative_error(
                    product(pool, *w, few, 7, {.precision = Precision::kExact}),
                    few, 7, *w),
                2e-5);
      EXPECT_LT(relative_error(
                    product(pool, *w, x, 15, {.precision = Precision::kExact}),
                    x, 15, *w),
                2e-5);
      EXPECT_LT(relative_error(
                    product(pool, *w, x, 15, {.precision = Precision::kInt8}),
                    rounded_for(w->shape(), features, x), 15, *w),
                2e-5);
    }
  });
}

TEST(Linear, TakesTinyHugeAndZeroActivations) {
  ThreadPool pool({.threads = 1});
  const TestMatrix w({.rows = 16,
                      .columns = 64,
                      .encoding = WeightEncoding::kAffine,
                      .bits = 4,
                      .group = 32},
                     3);
  for (const float size : {0.0f, 1e-42f, 1e-30f, 1e30f}) {
    const std::vector<float> x(64, size);
    for (const float y : product(pool, w, x, 1, {})) {
      EXPECT_TRUE(std::isfinite(y)) << size;
      if (size < 1e-35f) {
        EXPECT_EQ(y, 0.0f) << size;
      }
    }
  }
  const std::vector<float> equal(64, 0.25f);
  EXPECT_LT(relative_error(product(pool, w, equal, 1, {}), equal, 1, w), 1e-4);
}

TEST(Linear, SharesOneInputBetweenSeveralTargets) {
  ThreadPool pool({.threads = 2});
  const auto shape = [](std::int64_t rows, WeightEncoding e, int bits) {
    return WeightShape{.rows = rows,
                       .columns = 96,
                       .encoding = e,
                       .bits = bits,
                       .group = bits == 0 ? 0 : 32};
  };
  const TestMatrix a(shape(40, WeightEncoding::kAffine, 4), 1);
  const TestMatrix b(shape(16, WeightEncoding::kF32, 0), 2);
  const TestMatrix c(shape(9, WeightEncoding::kAffine, 8), 3);
  const PackedMatrix pa = PackedMatrix::pack(a, pool);
  const PackedMatrix pb = PackedMatrix::pack(b, pool);
  const PackedMatrix pc = PackedMatrix::pack(c, pool);
  const std::int64_t m = 5;
  const std::vector<float> x = random_values(m * 96, 6);
  const std::vector<float> bias = random_values(9, 8);
  Activations input;
  input.set(x.data(), m, 96);
  std::vector<float> ya(m * 40);
  std::vector<float> yb(m * 16, 2.0f);
  std::vector<float> yc(m * 12, -1.0f);
  linear(pool, input,
         {{.weights = &pa, .y = ya.data()},
          {.weights = &pb, .y = yb.data(), .add = true},
          {.weights = &pc, .y = yc.data(), .stride = 12, .bias = bias.data()}});
  EXPECT_EQ(ya, product(pool, a, x, m, {}));
  const std::vector<float> plain_b = product(pool, b, x, m, {});
  for (std::size_t i = 0; i < yb.size(); ++i) {
    EXPECT_FLOAT_EQ(yb[i], plain_b[i] + 2.0f);
  }
  const std::vector<float> plain_c = product(pool, c, x, m, {});
  for (std::size_t i = 0; i < yc.size(); ++i) {
    const std::size_t column = i % 12;
    EXPECT_FLOAT_EQ(yc[i], column < 9
                               ? plain_c[i / 12 * 9 + column] + bias[column]
                               : -1.0f);
  }
}

double gate_truth(GateKind kind, double x) {
  switch (kind) {
    case GateKind::kSilu:
      return x / (1 + std::exp(-x));
    case GateKind::kGeluTanh:
      return 0.5 * x *
             (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case GateKind::kGeluErf:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case GateKind::kQuickGelu:
      return x / (1 + std::exp(-1.702 * x));
    case GateKind::kReluSquared:
      return x > 0 ? x * x : 0;
    case GateKind::kRelu:
      return x > 0 ? x : 0;
  }
  return 0;
}

TEST(Linear, GatesOnEveryHighwayTarget) {
  const std::vector<float> points = {-100,   -20, -9,    -3,   -1,   -0.3f,
                                     -1e-3f, 0,   1e-6f, 0.1f, 0.5f, 1,
                                     2,      4,   10,    90};
  const std::vector<float> up(16, 1.5f);
  on_each_highway_target([&] {
    for (GateKind kind :
         {GateKind::kSilu, GateKind::kGeluTanh, GateKind::kGeluErf,
          GateKind::kQuickGelu, GateKind::kReluSquared, GateKind::kRelu}) {
      std::vector<float> out(16);
      gate_16(kind, points.data(), up.data(), out.data());
      for (std::size_t i = 0; i < 16; ++i) {
        const double truth = 1.5 * gate_truth(kind, points[i]);
        EXPECT_NEAR(out[i], truth, 2e-6 * std::max(1.0, std::fabs(truth)))
            << static_cast<int>(kind) << " of " << points[i];
      }
    }
  });
}

TEST(Linear, GatedUnitEqualsItsParts) {
  ThreadPool pool({.threads = 2});
  const WeightShape shape{.rows = 37,
                          .columns = 96,
                          .encoding = WeightEncoding::kAffine,
                          .bits = 4,
                          .group = 32};
  const TestMatrix gate(shape, 1);
  const TestMatrix up(shape, 2);
  const PackedMatrix packed_gate = PackedMatrix::pack(gate, pool);
  const PackedMatrix packed_up = PackedMatrix::pack(up, pool);
  for (const std::int64_t m : {1, 11, 129}) {
    const std::vector<float> x = random_values(m * 96, 6);
    const std::vector<float> g = product(pool, gate, x, m, {});
    const std::vector<float> u = product(pool, up, x, m, {});
    std::vector<float> y(g.size());
    Activations input;
    input.set(x.data(), m, 96);
    gated_linear(pool, input,
                 {.gate = &packed_gate, .up = &packed_up, .y = y.data()});
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double truth = gate_truth(GateKind::kSilu, g[i]) * u[i];
      EXPECT_NEAR(y[i], truth, 1e-5 * std::max(1.0, std::fabs(truth)));
    }
  }
}

TEST(Linear, GatedUnitOfMatricesStoredApart) {
  ThreadPool pool({.threads = 2});
  const TestMatrix gate({.rows = 53,
                         .columns = 96,
                         .encoding = WeightEncoding::kAffine,
                         .bits = 4,
                         .group = 32},
                        1);
  const TestMatrix up(
      {.rows = 53, .columns = 96, .encoding = WeightEncoding::kF16}, 2);
  const PackedMatrix packed_gate = PackedMatrix::pack(gate, pool);
  const PackedMatrix packed_up = PackedMatrix::pack(up, pool);
  for (const std::int64_t m : {1, 11, 129}) {
    const std::vector<float> x = random_values(m * 96, 6);
    const std::vector<float> g = product(pool, gate, x, m, {});
    const std::vector<float> u = product(pool, up, x, m, {});
    std::vector<float> y(g.size());
    Activations input;
    input.set(x.data(), m, 96);
    gated_linear(pool, input,
                 {.gate = &packed_gate, .up = &packed_up, .y = y.data()});
    for (std::size_t i = 0; i < y.size(); ++i) {
      const double truth = gate_truth(GateKind::kSilu, g[i]) * u[i];
      EXPECT_NEAR(y[i], truth, 1e-5 * std::max(1.0, std::fabs(truth)));
    }
  }
}

}  // namespace
}  // namespace abstractllm::ops::cpu
