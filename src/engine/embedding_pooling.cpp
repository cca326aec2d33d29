// Pooling in double precision: the order of the pieces changes nothing.
// SPDX-License-Identifier: Apache-2.0
#include "engine/embedding_pooling.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include "abstractllm/error.h"

namespace abstractllm::engine {

using families::DenseActivation;
using families::DenseProjection;
using families::EmbeddingRecipe;
using families::PoolingMode;

namespace {

float activate(DenseActivation activation, double x) {
  switch (activation) {
    case DenseActivation::kIdentity:
      return static_cast<float>(x);
    case DenseActivation::kTanh:
      return static_cast<float>(std::tanh(x));
    case DenseActivation::kRelu:
      return static_cast<float>(std::max(x, 0.0));
    case DenseActivation::kGelu:
      return static_cast<float>(0.5 * x * (1 + std::erf(x / std::sqrt(2.0))));
    case DenseActivation::kSigmoid:
      return static_cast<float>(1 / (1 + std::exp(-x)));
    case DenseActivation::kSilu:
      return static_cast<float>(x / (1 + std::exp(-x)));
  }
  return static_cast<float>(x);
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}

std::vector<float> project(const DenseProjection& dense,
                           const std::vector<float>& x) {
  if (static_cast<int>(x.size()) != dense.inputs) {
    throw ModelLoadingError(
        "[embedding] a dense module takes " + std::to_string(dense.inputs) +
        " values, but there are " + std::to_string(x.size()));
  }
  std::vector<float> y(static_cast<std::size_t>(dense.outputs));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const auto row = [&](const std::vector<float>& matrix) {
      return std::span(matrix).subspan(i * x.size(), x.size());
    };
    const double bias = dense.bias.empty() ? 0 : dense.bias[i];
    y[i] = activate(dense.activation, dot(row(dense.weight), x) + bias);
    if (!dense.adds_input) continue;
    y[i] += dense.residual.empty()
                ? x[i]
                : static_cast<float>(dot(row(dense.residual), x));
  }
  return y;
}

void scale_to_one(std::vector<float>& x) {
  const double length = std::sqrt(dot(x, x));
  if (!std::isfinite(length)) {
    throw GenerationError(
        "[embedding] the model's hidden states are not finite",
        "Are the weights damaged?");
  }
  if (length == 0) return;
  for (float& value : x) value = static_cast<float>(value / length);
}

}  // namespace

Pooling::Pooling(const EmbeddingRecipe& recipe, int hidden_size, int skipped)
    : recipe_(recipe),
      size_(static_cast<std::size_t>(hidden_size)),
      skipped_(skipped),
      sum_(size_),
      weighted_(size_),
      largest_(size_, -std::numeric_limits<float>::infinity()) {}

void Pooling::add(std::span<const float> row) {
  if (position_++ < skipped_) return;
  if (first_.empty()) first_.assign(row.begin(), row.end());
  last_.assign(row.begin(), row.end());
  // The weights of a prompt's tokens are left out with them.
  const double weight = position_;
  weights_ += weight;
  for (std::size_t i = 0; i < size_; ++i) {
    sum_[i] += row[i];
    weighted_[i] += weight * row[i];
    largest_[i] = std::max(largest_[i], row[i]);
  }
}

std::vector<float> Pooling::pooled() const {
  std::vector<float> result;
  const auto append = [&](const std::vector<double>& values, double divisor) {
    for (const double value : values) {
      result.push_back(static_cast<float>(value / divisor));
    }
  };
  const auto copy = [&](const std::vector<float>& values) {
    result.insert(result.end(), values.begin(), values.end());
  };
  const double count = position_ - skipped_;
  for (const PoolingMode mode : recipe_.pooling) {
    switch (mode) {
      case PoolingMode::kCls:
        copy(first_);
        break;
      case PoolingMode::kMax:
        copy(largest_);
        break;
      case PoolingMode::kMean:
        append(sum_, count);
        break;
      case PoolingMode::kMeanSqrtLength:
        append(sum_, std::sqrt(count));
        break;
      case PoolingMode::kWeightedMean:
        append(weighted_, weights_);
        break;
      case PoolingMode::kLastToken:
        copy(last_);
        break;
    }
  }
  return result;
}

std::vector<float> finish_embedding(const EmbeddingRecipe& recipe,
                                    std::vector<float> pooled,
                                    std::optional<int> dimensions) {
  for (const families::EmbeddingStep& step : recipe.steps) {
    if (const auto* dense = std::get_if<DenseProjection>(&step)) {
      pooled = project(*dense, pooled);
    } else {
      scale_to_one(pooled);
    }
  }
  if (!dimensions && recipe.dimensions) {
    dimensions = std::min(*recipe.dimensions, static_cast<int>(pooled.size()));
  }
  if (dimensions) {
    if (*dimensions < 1 || *dimensions > static_cast<int>(pooled.size())) {
      throw InvalidRequestError(
          "[embedding] dimensions is " + std::to_string(*dimensions) +
              ", expected 1 to " + std::to_string(pooled.size()),
          "The model's vectors have " + std::to_string(pooled.size()) +
              " dimensions.");
    }
    pooled.resize(static_cast<std::size_t>(*dimensions));
  }
  scale_to_one(pooled);
  return pooled;
}

int embedding_size(const EmbeddingRecipe& recipe, int hidden_size) {
  int size = static_cast<int>(recipe.pooling.size()) * hidden_size;
  for (const families::EmbeddingStep& step : recipe.steps) {
    if (const auto* dense = std::get_if<DenseProjection>(&step)) {
      size = dense->outputs;
    }
  }
  return size;
}

}  // namespace abstractllm::engine
