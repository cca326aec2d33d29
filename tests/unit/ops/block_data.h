// Small random layers, and plain loops to compare them with.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "io/weight_matrix.h"
#include "mlx/array.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"
#include "ops/cpu_state.h"
#include "ops/expert_linear.h"
#include "ops/linear.h"
#include "ops/norm.h"

namespace abstractllm::ops::testing {

namespace mx = mlx::core;
using Values = std::vector<float>;

inline Backend reference_backend() { return {}; }

inline Backend cpu_backend() {
  return {.kind = BackendKind::kCpu,
          .cpu = std::make_shared<CpuState>(
              2, CpuPrecision{cpu::Precision::kExact, cpu::Precision::kExact})};
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  Values values(int count, float scale = 1.0f) {
    std::normal_distribution<float> normal(0, scale);
    Values values(count);
    for (float& value : values) value = normal(engine_);
    return values;
  }

 private:
  std::mt19937 engine_;
};

/// A matrix that stays readable in plain loops.
struct Matrix {
  int rows;
  int columns;
  Values values;
  Values bias = {};  // empty: none

  Matrix(Random& random, int rows, int columns, bool with_bias = false)
      : rows(rows),
        columns(columns),
        values(random.values(rows * columns,
                             1 / std::sqrt(static_cast<float>(columns)))) {
    if (with_bias) bias = random.values(rows);
  }

  io::WeightMatrix stored() const {
    return io::WeightMatrix::plain({.name = "test",
                                    .type = io::StorageType::kF32,
                                    .shape = {rows, columns},
                                    .bytes = std::as_bytes(std::span(values)),
                                    .file = nullptr});
  }

  Linear linear(const Backend& backend) const {
    return make_linear(backend, stored(),
                       bias.empty() ? std::nullopt : std::optional(bias));
  }

  /// One row through it.
  Values apply(std::span<const float> x) const {
    Values y(rows);
    for (int r = 0; r < rows; ++r) {
      double sum = bias.empty() ? 0 : bias[r];
      for (int c = 0; c < columns; ++c) sum += values[r * columns + c] * x[c];
      y[r] = static_cast<float>(sum);
    }
    return y;
  }
};

inline Norm rms_norm(const Backend& backend, const Values& weight) {
  return {.kind = NormKind::kRms,
          .weight = make_vector(backend, weight),
          .bias = std::nullopt,
          .eps = 1e-5f,
          .cpu = backend.cpu};
}

inline Values apply_rms_norm(std::span<const float> x, const Values& weight) {
  double squares = 0;
  for (const float value : x) squares += value * value;
  const double factor = 1 / std::sqrt(squares / x.size() + 1e-5);
  Values y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = static_cast<float>(x[i] * factor * weight[i]);
  }
  return y;
}

inline float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }
inline float silu(float x) { return x * sigmoid(x); }

inline mx::array to_array(const Values& values, int rows) {
  return mx::array(values.data(),
                   {rows, static_cast<int>(values.size()) / rows}, mx::float32);
}

inline Values to_values(mx::array x) {
  x = mx::contiguous(x);
  mx::eval(x);
  return Values(x.data<float>(), x.data<float>() + x.size());
}

inline std::span<const float> row_of(const Values& values, int row,
                                     int columns) {
  return std::span(values).subspan(static_cast<std::size_t>(row) * columns,
                                   columns);
}

/// Largest difference; infinite where sizes differ or something is no number.
inline float distance(const Values& a, const Values& b) {
  if (a.size() != b.size()) return INFINITY;
  float worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float difference = std::abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return std::isnan(worst) ? INFINITY : worst;
}

}  // namespace abstractllm::ops::testing
