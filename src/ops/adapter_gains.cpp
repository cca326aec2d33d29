// Lengths of changed rows, decoded some at a time.
// SPDX-License-Identifier: Apache-2.0
#include "ops/adapter_gains.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "mlx/ops.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// Rows decoded at a time.
constexpr int kNormRows = 256;

// Gives `visit` each changed row with its number.
template <typename Visit>
void visit_rows(const ChangedMatrix& matrix, Visit visit) {
  const int inputs = matrix.base.inputs();
  const std::size_t rank =
      matrix.down.size() / static_cast<std::size_t>(inputs);
  const int rows = static_cast<int>(matrix.up.size() / rank);
  for (int begin = 0; begin < rows; begin += kNormRows) {
    const int count = std::min(kNormRows, rows - begin);
    const int first = matrix.first + begin;
    mx::array ids = mx::arange(first, first + count, mx::int32);
    ids.eval();
    mx::array stored =
        mx::contiguous(mx::astype(embed(ids, matrix.base), mx::float32));
    stored.eval();
    for (int i = 0; i < count; ++i) {
      const auto number = static_cast<std::size_t>(begin + i);
      const float* values = stored.data<float>() + std::int64_t{i} * inputs;
      std::vector<float> row(values, values + inputs);
      for (std::size_t r = 0; r < rank; ++r) {
        const float factor = matrix.up[number * rank + r];
        const float* from = &matrix.down[r * static_cast<std::size_t>(inputs)];
        for (std::size_t j = 0; j < row.size(); ++j) row[j] += factor * from[j];
      }
      visit(number, row);
    }
  }
}

}  // namespace

std::vector<float> row_gains(std::span<const float> magnitude,
                             const ChangedMatrix& matrix) {
  std::vector<float> gains(magnitude.size());
  visit_rows(matrix, [&](std::size_t number, const std::vector<float>& row) {
    double square = 0;
    for (const float value : row) square += double{value} * value;
    gains[number] = static_cast<float>(magnitude[number] / std::sqrt(square));
  });
  return gains;
}

std::vector<float> column_gains(std::span<const float> magnitude,
                                const ChangedMatrix& matrix) {
  std::vector<double> squares(magnitude.size());
  visit_rows(matrix, [&](std::size_t, const std::vector<float>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      squares[i] += double{row[i]} * row[i];
    }
  });
  std::vector<float> gains;
  for (std::size_t i = 0; i < squares.size(); ++i) {
    gains.push_back(static_cast<float>(magnitude[i] / std::sqrt(squares[i])));
  }
  return gains;
}

}  // namespace abstractllm::ops
