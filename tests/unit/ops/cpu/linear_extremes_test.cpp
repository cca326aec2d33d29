// Products at the limits of what integers hold, and of scales that are none.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <ostream>
#include <utility>
#include <vector>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/linear.h"
#include "unit/ops/cpu/feature_sets.h"

namespace abstractllm::ops::cpu {
namespace {

using testing::feature_sets;

constexpr std::int64_t kRows = 19;

// Codes, scales and biases as they are given.
class Given final : public RowSource {
 public:
  Given(WeightShape shape, const std::function<int(std::int64_t)>& code_of)
      : shape_(shape) {
    for (std::int64_t i = 0; i < shape.rows * shape.columns; ++i) {
      codes_.push_back(static_cast<std::uint8_t>(code_of(i % shape.columns)));
    }
    for (std::int64_t i = 0; i < shape.rows * shape.groups(); ++i) {
      const bool mxfp4 = shape.encoding == WeightEncoding::kMxfp4;
      scales_.push_back(mxfp4 ? std::ldexp(1.0f, static_cast<int>(i % 5) - 2)
                              : 0.0625f * static_cast<float>(1 + i % 7));
      biases_.push_back(0.25f * static_cast<float>(i % 3 - 1));
    }
  }

  // The bias follows from the scale.
  void make_symmetric() {
    const auto zero = static_cast<float>(1 << (shape_.bits - 1));
    for (std::size_t i = 0; i < scales_.size(); ++i) {
      biases_[i] = -scales_[i] * zero;
    }
  }

  float& scale(std::int64_t row, std::int64_t group) {
    return scales_[static_cast<std::size_t>(row * shape_.groups() + group)];
  }

  double value(std::int64_t row, std::int64_t column) const {
    constexpr double kE2M1[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
    const auto at =
        static_cast<std::size_t>(row * shape_.groups() + column / shape_.group);
    const int code =
        codes_[static_cast<std::size_t>(row * shape_.columns + column)];
    if (shape_.encoding == WeightEncoding::kMxfp4) {
      return (code >= 8 ? -1.0 : 1.0) * kE2M1[code & 7] * scales_[at];
    }
    return static_cast<double>(code) * scales_[at] + biases_[at];
  }

  WeightShape shape() const override { return shape_; }
  void read_row(std::int64_t, float*) const override {}
  void read_codes(std::int64_t row, std::uint8_t* codes, float* scales,
                  float* biases) const override {
    const std::int64_t groups = shape_.groups();
    std::copy_n(codes_.begin() + row * shape_.columns, shape_.columns, codes);
    std::copy_n(scales_.begin() + row * groups, groups, scales);
    if (shape_.encoding == WeightEncoding::kAffine) {
      std::copy_n(biases_.begin() + row * groups, groups, biases);
    }
  }

 private:
  WeightShape shape_;
  std::vector<std::uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<float> biases_;
};

// Row i has pattern (i + first) % 4 of signs; all are as large as 8 bits are.
std::vector<float> full_activations(std::int64_t rows, std::int64_t columns,
                                    std::int64_t first) {
  std::vector<float> x;
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    const std::int64_t pattern = (i / columns + first) % 4;
    const std::int64_t column = i % columns;
    const bool minus = pattern == 1 || (pattern == 2 && column % 2 == 1) ||
                       (pattern == 3 && column / 2 % 2 == 1);
    x.push_back(minus ? -1.0f : 1.0f);
  }
  return x;
}

std::vector<float> product(ThreadPool& pool, const PackedMatrix& packed,
                           const std::vector<float>& x, std::int64_t m,
                           const LinearOptions& options) {
  std::vector<float> y(static_cast<std::size_t>(m * kRows), NAN);
  Activations input;
  input.set(x.data(), m, static_cast<std::int64_t>(x.size()) / m);
  linear(pool, input, {{.weights = &packed, .y = y.data()}}, options);
  return y;
}

void expect_sums(ThreadPool& pool, const Given& w, std::int64_t m,
                 std::int64_t first) {
  const std::int64_t columns = w.shape().columns;
  const PackedMatrix packed =
      PackedMatrix::pack(w, pool, {.round_scales = false});
  const std::vector<float> x = full_activations(m, columns, first);
  for (const CpuFeatures& features : feature_sets()) {
    for (const Precision precision :
         {Precision::kInt8, Precision::kInt8Pair, Precision::kExact}) {
      const std::vector<float> y = product(
          pool, packed, x, m, {.precision = precision, .features = &features});
      // Rows of the same pattern have the same sums.
      std::vector<double> truth(4 * kRows, NAN);
      std::vector<double> size(4 * kRows);
      for (std::int64_t i = 0; i < m * kRows; ++i) {
        const auto at = static_cast<std::size_t>(i % (4 * kRows));
        if (i < 4 * kRows) {
          truth[at] = 0;
          for (std::int64_t c = 0; c < columns; ++c) {
            const double term =
                x[static_cast<std::size_t>(i / kRows * columns + c)] *
                w.value(i % kRows, c);
            truth[at] += term;
            size[at] += std::fabs(term);
          }
        }
        ASSERT_NEAR(y[static_cast<std::size_t>(i)], truth[at],
                    1e-5 * size[at] + 1e-9)
            << int8_kernels(features).name << ", precision "
            << static_cast<int>(precision) << ", value " << i << " of " << m
            << " rows";
      }
    }
  }
}

struct Kind {
  WeightEncoding encoding;
  int bits;
  int group;
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << (kind.encoding == WeightEncoding::kMxfp4 ? "mxfp4 " : "affine ")
       << kind.bits << " bits by " << kind.group;
}

std::vector<Kind> affine_kinds() {
  std::vector<Kind> all;
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int group : {16, 32, 128}) {
      all.push_back({WeightEncoding::kAffine, bits, group});
    }
  }
  return all;
}

std::vector<Kind> all_kinds() {
  std::vector<Kind> all = affine_kinds();
  all.push_back({WeightEncoding::kMxfp4, 4, 32});
  return all;
}

class LinearAtItsLimits : public ::testing::TestWithParam<Kind> {
 protected:
  WeightShape shape() const {
    const Kind& kind = GetParam();
    // Two chunks and a rest.
    return {.rows = kRows,
            .columns = 512 + 64 + 16,
            .encoding = kind.encoding,
            .bits = kind.bits,
            .group = kind.group};
  }
};

// Every product is as large as it can be, so that sums overflow first here if
// they do anywhere.
TEST_P(LinearAtItsLimits, SumsOfTheLargestProductsHold) {
  ThreadPool pool({.threads = 1});
  const bool mxfp4 = GetParam().encoding == WeightEncoding::kMxfp4;
  const int most = mxfp4 ? 7 : (1 << GetParam().bits) - 1;
  const int least = mxfp4 ? 15 : 0;
  const std::function<int(std::int64_t)> patterns[] = {
      [&](std::int64_t) { return most; }, [&](std::int64_t) { return least; },
      [&](std::int64_t c) { return c % 2 == 1 ? most : least; },
      [&](std::int64_t c) { return c / 2 % 2 == 1 ? most : least; }};
  for (const auto& pattern : patterns) {
    for (const bool symmetric : {false, true}) {
      if (symmetric && mxfp4) continue;
      Given w(shape(), pattern);
      if (symmetric) w.make_symmetric();
      for (std::int64_t first = 0; first < 4; ++first) {
        expect_sums(pool, w, 1, first);
      }
      for (const std::int64_t m : {3, 8, 130}) expect_sums(pool, w, m, 0);
    }
  }
}

using LinearOfScales = LinearAtItsLimits;

// A checkpoint may hold such scales; on no machine are they a large number.
TEST_P(LinearOfScales, InfiniteOnesGiveNoNumber) {
  ThreadPool pool({.threads = 1});
  for (const float bad : {std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    Given w(shape(), [](std::int64_t c) { return static_cast<int>(c % 3); });
    w.scale(5, 1) = bad;
    for (const bool round_scales : {false, true}) {
      const PackedMatrix packed =
          PackedMatrix::pack(w, pool, {.round_scales = round_scales});
      for (const std::int64_t m : {1, 4, 130}) {
        const std::vector<float> x = full_activations(m, w.shape().columns, 0);
        for (const CpuFeatures& features : feature_sets()) {
          for (const Precision precision :
               {Precision::kInt8, Precision::kInt8Pair, Precision::kExact}) {
            const std::vector<float> y =
                product(pool, packed, x, m,
                        {.precision = precision, .features = &features});
            for (std::size_t i = 0; i < y.size(); ++i) {
              ASSERT_EQ(std::isfinite(y[i]), i % kRows != 5)
                  << int8_kernels(features).name << ", " << bad << ", value "
                  << i << " of " << m << " rows";
            }
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, LinearAtItsLimits,
                         ::testing::ValuesIn(all_kinds()));
INSTANTIATE_TEST_SUITE_P(Kinds, LinearOfScales,
                         ::testing::ValuesIn(affine_kinds()));

}  // namespace
}  // namespace abstractllm::ops::cpu
