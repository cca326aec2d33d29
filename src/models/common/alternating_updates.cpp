// AltUp over stock MLX operations and the backend's linear layers.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/alternating_updates.h"

#include "mlx/ops.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

constexpr float kLeastSquare = 1e-5f;

mx::array scalar(float value, const mx::array& like) {
  return mx::array(value, like.dtype());
}

// Root of the mean square of the last axis: (tokens, 1).
mx::array magnitude(const mx::array& x, float least) {
  const mx::array square = mx::mean(mx::square(x), -1, /* keepdims = */ true);
  return mx::sqrt(mx::maximum(square, scalar(least, x)));
}

mx::array stream(const mx::array& x, int index) {
  return mx::take(x, index, 1);
}

}  // namespace

mx::array AlternatingUpdates::active_stream(const mx::array& x) const {
  return stream(x, active);
}

mx::array AlternatingUpdates::modalities(const mx::array& x) const {
  const float scale = 1.0f / static_cast<float>(x.shape(1));
  return mx::tanh(
      ops::linear(ops::normalise(x, norm) * scalar(scale, x), router));
}

mx::array AlternatingUpdates::predict(const mx::array& x) const {
  const mx::array mixing =
      mx::reshape(ops::linear(modalities(active_stream(x)), prediction),
                  {x.shape(0), streams, streams});
  return x + mx::matmul(mixing, x);
}

mx::array AlternatingUpdates::correct(const mx::array& predictions,
                                      const mx::array& activated) const {
  const mx::array news = activated - active_stream(predictions);
  const mx::array shares =
      ops::linear(modalities(activated), correction) + scalar(1.0f, activated);
  return predictions + mx::expand_dims(shares, 2) * mx::expand_dims(news, 1);
}

AlternatingUpdates read_alternating_updates(const WeightReader& weights,
                                            const std::string& module,
                                            int hidden, int streams, int active,
                                            float norm_eps) {
  const auto linear = [&](const char* name, int outputs, int inputs) {
    return weights.linear(module + name, outputs, inputs, Bias::kNone);
  };
  return {.streams = streams,
          .active = active,
          .norm = weights.norm(ops::NormKind::kRms, module + "router_norm",
                               hidden, norm_eps),
          .router = linear("modality_router", streams, hidden),
          .prediction = linear("prediction_coefs", streams * streams, streams),
          .correction = linear("correction_coefs", streams, streams)};
}

mx::array widen_stream(const mx::array& x,
                       const std::vector<ops::Linear>& projections) {
  const mx::array length = magnitude(x, 0.0f);
  std::vector<mx::array> streams{x};
  for (const ops::Linear& projection : projections) {
    const mx::array y = ops::linear(x, projection);
    streams.push_back(y * length / magnitude(y, kLeastSquare));
  }
  return mx::stack(streams, 1);
}

mx::array narrow_stream(const mx::array& x,
                        const std::vector<ops::Linear>& projections) {
  const mx::array first = stream(x, 0);
  const mx::array length = magnitude(first, 0.0f);
  mx::array sum = first;
  for (std::size_t i = 0; i < projections.size(); ++i) {
    const mx::array y =
        ops::linear(stream(x, static_cast<int>(i) + 1), projections[i]);
    sum = sum + y * length / magnitude(y, kLeastSquare);
  }
  return sum * scalar(1.0f / static_cast<float>(x.shape(1)), x);
}

}  // namespace abstractllm::models
