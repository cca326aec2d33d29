// Mixtral: Mistral with a mixture of experts.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_mixtral(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.rope = {.theta = 1000000}, .norm_eps_value = 1e-5});
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = config.intermediate_size,
      .router = {.chosen = require_size(source.config, "num_experts_per_tok"),
                 .normalise = true}};
  const auto experts = [&](const WeightReader& weights,
                           const std::string& prefix, int /*index*/,
                           ops::ResidualFrame frame) -> FeedForward {
    return read_mixtral_moe(weights, config, moe,
                            mixtral_module(weights, prefix), std::move(frame));
  };
  return make_decoder(
      read_dense_parts(source, config, {.feed_forward = experts}));
}

}  // namespace abstractllm::models
