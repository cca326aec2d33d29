// Reading and mixing of embeddings for each layer.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/layer_inputs.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "mlx/ops.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

mx::array scaled(const mx::array& x, float factor) {
  return x * mx::array(factor, x.dtype());
}

ops::Norm read_norm(const WeightReader& weights, const LayerInputSizes& sizes,
                    const std::string& module, int size) {
  return weights.norm(ops::NormKind::kRms, module, size, sizes.norm_eps);
}

}  // namespace

mx::array LayerInputs::embed(const mx::array& ids) const {
  const std::int32_t* data = ids.data<std::int32_t>();
  std::vector<std::int32_t> known(data, data + ids.size());
  for (std::int32_t& id : known) {
    if (id >= embedding.outputs()) id = 0;
  }
  const mx::array known_ids(known.data(), ids.shape(), mx::int32);
  return scaled(ops::embed(known_ids, embedding),
                std::sqrt(static_cast<float>(width)));
}

mx::array LayerInputs::mix(const mx::array& stream,
                           const mx::array& embedded) const {
  const mx::Shape shape{stream.shape(0), projection.outputs() / width, width};
  const float scale = 1.0f / std::sqrt(static_cast<float>(stream.shape(1)));
  const mx::array projected =
      mx::reshape(scaled(ops::linear(stream, projection), scale), shape);
  return scaled(ops::normalise(projected, norm) + mx::reshape(embedded, shape),
                std::numbers::sqrt2_v<float> / 2);
}

mx::array LayerInputGate::run(const mx::array& x, const mx::array& input,
                              ops::Activation activation) const {
  const mx::array gated = ops::activate(ops::linear(x, gate), activation);
  return ops::normalise(ops::linear(gated * input, projection), norm);
}

LayerInputs read_layer_inputs(const WeightReader& weights,
                              const LayerInputSizes& sizes,
                              const std::string& prefix) {
  const int widths = sizes.layers * sizes.width;
  return {.embedding = weights.linear(prefix + "embed_tokens_per_layer",
                                      sizes.vocabulary, widths, Bias::kNone),
          .projection = weights.linear(prefix + "per_layer_model_projection",
                                       widths, sizes.hidden, Bias::kNone),
          .norm = read_norm(weights, sizes,
                            prefix + "per_layer_projection_norm", sizes.width),
          .width = sizes.width};
}

LayerInputGate read_layer_input_gate(const WeightReader& weights,
                                     const LayerInputSizes& sizes,
                                     const std::string& prefix) {
  return {
      .gate = weights.linear(prefix + "per_layer_input_gate", sizes.width,
                             sizes.hidden, Bias::kNone),
      .projection = weights.linear(prefix + "per_layer_projection",
                                   sizes.hidden, sizes.width, Bias::kNone),
      .norm = read_norm(weights, sizes, prefix + "post_per_layer_input_norm",
                        sizes.hidden)};
}

}  // namespace abstractllm::models
