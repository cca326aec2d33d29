// StarCoder 2: layer norms, a feed-forward layer without a gate, biases.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_starcoder2(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.norm_eps = "norm_epsilon", .activation = "hidden_act"});
  const auto mlp = [&](const WeightReader& weights, const std::string& prefix,
                       int /*index*/, ops::ResidualFrame frame) -> FeedForward {
    const int hidden = config.hidden_size;
    const int inner = config.intermediate_size;
    return ops::MlpBlock{.frame = std::move(frame),
                         .activation = config.activation,
                         .gate = std::nullopt,
                         .up = weights.linear(prefix + "mlp.c_fc", inner,
                                              hidden, Bias::kIfPresent),
                         .down = weights.linear(prefix + "mlp.c_proj", hidden,
                                                inner, Bias::kIfPresent)};
  };
  return make_decoder(read_dense_parts(
      source, config, {.norm = ops::NormKind::kLayer, .feed_forward = mlp}));
}

}  // namespace abstractllm::models
