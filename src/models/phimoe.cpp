// Phi 3.5 MoE: layer norms and biases, longrope, experts by a sparse mixer.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_phimoe(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.rope = {.theta = 1000000}, .norm_eps_value = 1e-5});
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = config.intermediate_size,
      .router = {
          .chosen = require_size(source.config, "num_experts_per_tok"),
          .score = ops::RouterScore::kSparseMixer,
          .jitter = number_or(source.config, "router_jitter_noise", 0.01)}};
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_mixtral_moe(weights, config, moe,
                            mixtral_module(weights, prefix), std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  parts.starts_anew = true;
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
