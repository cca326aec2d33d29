// StarCoder 2: layer norms, a feed-forward layer without a gate, biases.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_starcoder2(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.norm_eps = "norm_epsilon",
                      .norm_eps_value = 1e-5,
                      .activation_name = "gelu_pytorch_tanh"});
  const auto mlp = [&](const WeightReader& weights, const std::string& prefix,
                       int /*index*/, ops::ResidualFrame frame) -> FeedForward {
    return read_plain_mlp(weights, config, prefix + "mlp.c_fc",
                          prefix + "mlp.c_proj", std::move(frame));
  };
  return make_decoder(read_dense_parts(
      source, config, {.norm = ops::NormKind::kLayer, .feed_forward = mlp}));
}

}  // namespace abstractllm::models
