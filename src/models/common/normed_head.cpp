// Scaling of a head once, at load.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/normed_head.h"

#include <cmath>
#include <span>
#include <vector>

#include "io/imagined_tensors.h"
#include "io/stored_tensor.h"
#include "ops/adapter.h"
#include "ops/shapes_only.h"

namespace abstractllm::models {

namespace {

constexpr double kLeast = 1e-7;

double reciprocal(double squares) { return 1 / (std::sqrt(squares) + kLeast); }

void scale_rows(std::vector<float>& values, int hidden) {
  for (std::size_t i = 0; i < values.size(); i += hidden) {
    const std::span row(values.data() + i, static_cast<std::size_t>(hidden));
    double squares = 0;
    for (const float value : row) squares += double{value} * value;
    const double factor = reciprocal(squares);
    for (float& value : row) value = static_cast<float>(value * factor);
  }
}

void scale_columns(std::vector<float>& values, int hidden) {
  std::vector<double> squares(static_cast<std::size_t>(hidden));
  for (std::size_t i = 0; i < values.size(); ++i) {
    squares[i % hidden] += double{values[i]} * values[i];
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(values[i] * reciprocal(squares[i % hidden]));
  }
}

}  // namespace

ops::Linear read_normed_head(const WeightReader& weights,
                             const std::string& module, int vocabulary,
                             int hidden, HeadLength length) {
  const io::WeightMatrix stored = weights.matrix(module, vocabulary, hidden);
  if (const auto& adaptation = weights.backend().adaptation) {
    adaptation->fixed.push_back(module);
  }
  if (ops::ShapesOnly::active()) {
    return weights.linear(io::shape_of_matrix(module, vocabulary, hidden,
                                              io::StorageType::kF32),
                          std::nullopt);
  }
  std::vector<float> values(static_cast<std::size_t>(vocabulary) * hidden);
  for (int row = 0; row < vocabulary; ++row) {
    stored.read_row(
        row, std::span(values).subspan(static_cast<std::size_t>(row) * hidden,
                                       static_cast<std::size_t>(hidden)));
  }
  if (length == HeadLength::kRows) {
    scale_rows(values, hidden);
  } else {
    scale_columns(values, hidden);
  }
  return weights.linear(
      io::WeightMatrix::plain({.name = module + ".weight",
                               .type = io::StorageType::kF32,
                               .shape = {vocabulary, hidden},
                               .bytes = std::as_bytes(std::span(values)),
                               .file = nullptr}),
      std::nullopt);
}

}  // namespace abstractllm::models
