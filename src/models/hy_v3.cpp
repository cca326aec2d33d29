// Hunyuan 3: norms of each head, experts by corrected sigmoids, one of them
// always. What transformers saves has names of its own.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

ops::MoeBlock read_experts(const WeightReader& weights,
                           const DenseConfig& config, MoeConfig moe,
                           const std::string& prefix,
                           ops::ResidualFrame frame) {
  if (weights.has_matrix(prefix + "router.gate")) {
    moe.router_name = "router.gate";
    moe.shared_name = "shared_mlp";
  }
  ops::MoeBlock block =
      read_moe(weights, config, moe, prefix, std::move(frame));
  const std::string bias = prefix + "expert_bias";
  if (weights.has_vector(bias)) {
    block.correction = ops::make_floats(weights.vector(bias, moe.experts));
  }
  return block;
}

}  // namespace

std::unique_ptr<Model> make_hy_v3(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_dense_config(
      fields,
      {.rope = {.theta = 11158840}, .norm_eps_value = 1e-5, .head_dim = 128});
  const int inner = require_size(fields, "moe_intermediate_size");
  const MoeConfig moe{
      .experts = require_experts(fields),
      .intermediate_size = inner,
      .router = {.chosen = require_size(fields, "num_experts_per_tok"),
                 .score = ops::RouterScore::kSigmoid,
                 .normalise = true,
                 .scale = number_or(fields, "router_scaling_factor", 2.826)},
      .shared_intermediate_size =
          shared_width(fields, "num_shared_experts", inner, 1),
      .shared_name = "shared_experts"};
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    if (is_sparse(fields, index, 1)) {
      return read_experts(weights, config, moe, prefix + "mlp.",
                          std::move(frame));
    }
    return read_gated_mlp(weights, config, traits, prefix + "mlp.",
                          std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
