// Random weight matrices and what they stand for, in plain floats.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu::testing {

/// A matrix held as codes or values; `values()` is the truth.
class TestMatrix final : public RowSource {
 public:
  enum class Scales {
    kF16,        ///< exact in f16
    kBF16,       ///< exact in bf16 alone
    kF32,        ///< products, exact in no 16-bit type
    kSymmetric,  ///< f16, and the bias follows from the scale
    kHuge,       ///< up to 1e5
    kEqual,      ///< one code everywhere
  };

  TestMatrix(WeightShape shape, unsigned seed, Scales scales = Scales::kF16)
      : shape_(shape) {
    std::mt19937 random(seed);
    if (shape.group == 0) {
      fill_dense(random);
    } else {
      fill_codes(random, scales);
    }
  }

  WeightShape shape() const override { return shape_; }

  void read_row(std::int64_t row, float* out) const override {
    const auto begin = values_.begin() + row * shape_.columns;
    std::copy(begin, begin + shape_.columns, out);
  }

  void read_codes(std::int64_t row, std::uint8_t* codes, float* scales,
                  float* biases) const override {
    const auto from = codes_.begin() + row * shape_.columns;
    std::copy(from, from + shape_.columns, codes);
    const std::int64_t groups = shape_.groups();
    std::copy_n(scales_.begin() + row * groups, groups, scales);
    if (shape_.encoding == WeightEncoding::kAffine) {
      std::copy_n(biases_.begin() + row * groups, groups, biases);
    }
  }

  /// [rows, columns]
  const std::vector<float>& values() const { return values_; }

 private:
  static float at_precision(float value, int mantissa_bits) {
    int exponent = 0;
    const float unit = std::ldexp(1.0f, mantissa_bits + 1);
    return std::ldexp(std::round(std::frexp(value, &exponent) * unit) / unit,
                      exponent);
  }

  void fill_dense(std::mt19937& random) {
    std::normal_distribution<float> normal(0.0f, 0.1f);
    const int bits = shape_.encoding == WeightEncoding::kF32    ? 23
                     : shape_.encoding == WeightEncoding::kBF16 ? 7
                                                                : 10;
    values_.resize(count(shape_.rows * shape_.columns));
    for (float& value : values_) {
      value = at_precision(normal(random), bits);
      if (std::fabs(value) < 1e-4f) value = 0;
    }
  }

  void fill_codes(std::mt19937& random, Scales kind) {
    const bool mxfp4 = shape_.encoding == WeightEncoding::kMxfp4;
    const int zero_point = 1 << (shape_.bits - 1);
    std::uniform_int_distribution<int> code(0, (1 << shape_.bits) - 1);
    std::uniform_real_distribution<float> positive(0.5f, 2.0f);
    const int bits = kind == Scales::kF32 ? 17 : kind == Scales::kBF16 ? 7 : 10;
    const float size = kind == Scales::kHuge ? 3e4f : 0.02f;
    const std::int64_t groups = shape_.groups();
    for (std::int64_t i = 0; i < shape_.rows * groups; ++i) {
      float scale = at_precision(size * positive(random), bits);
      if (mxfp4) scale = std::ldexp(1.0f, static_cast<int>(i % 9) - 6);
      if (kind == Scales::kBF16) scale *= 0x1p-20f;
      float bias = at_precision(
          -scale * static_cast<float>(zero_point) * positive(random), bits);
      if (kind == Scales::kHuge) bias = -scale;
      if (kind == Scales::kSymmetric) {
        if (i % 2 == 1) scale = -scale;
        bias = -scale * static_cast<float>(zero_point);
      }
      scales_.push_back(scale);
      biases_.push_back(bias);
    }
    const int equal = code(random);
    for (std::int64_t i = 0; i < shape_.rows * shape_.columns; ++i) {
      codes_.push_back(static_cast<std::uint8_t>(
          kind == Scales::kEqual ? equal : code(random)));
      values_.push_back(value_of(i, mxfp4));
    }
  }

  float value_of(std::int64_t i, bool mxfp4) const {
    constexpr float kE2M1[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
    const std::int64_t row = i / shape_.columns;
    const std::int64_t group = i % shape_.columns / shape_.group;
    const std::size_t at = count(row * shape_.groups() + group);
    const int code = codes_.back();
    if (mxfp4) {
      return (code & 8 ? -1.0f : 1.0f) * kE2M1[code & 7] * scales_[at];
    }
    return static_cast<float>(code) * scales_[at] + biases_[at];
  }

  static std::size_t count(std::int64_t n) {
    return static_cast<std::size_t>(n);
  }

  WeightShape shape_;
  std::vector<std::uint8_t> codes_;
  std::vector<float> scales_;
  std::vector<float> biases_;
  std::vector<float> values_;
};

/// Normal values around zero, with an outlier now and then.
inline std::vector<float> random_values(std::int64_t count, unsigned seed,
                                        float deviation = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = normal(random) * (i % 97 == 13 ? 6.0f : 1.0f);
  }
  return values;
}

/// x [m, k] . w [n, k]^T in double precision.
inline std::vector<double> reference_product(const std::vector<float>& x,
                                             std::int64_t m,
                                             const TestMatrix& w) {
  const std::int64_t n = w.shape().rows;
  const std::int64_t k = w.shape().columns;
  std::vector<double> y;
  for (std::int64_t row = 0; row < m; ++row) {
    for (std::int64_t out = 0; out < n; ++out) {
      double sum = 0;
      for (std::int64_t c = 0; c < k; ++c) {
        sum += static_cast<double>(x[static_cast<std::size_t>(row * k + c)]) *
               w.values()[static_cast<std::size_t>(out * k + c)];
      }
      y.push_back(sum);
    }
  }
  return y;
}

}  // namespace abstractllm::ops::cpu::testing
