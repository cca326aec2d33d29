// K-EXAONE: EXAONE 4's attention with norms before each half, DeepSeek 3's
// experts.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

MoeConfig read_moe_config(const io::JsonConfig& config) {
  MoeConfig moe{
      .experts = require_experts(config),
      .intermediate_size = require_size(config, "moe_intermediate_size"),
      .router = {.chosen = require_size(config, "num_experts_per_tok"),
                 .score = ops::RouterScore::kSigmoid,
                 .normalise = flag_or(config, "norm_topk_prob", true),
                 .scale = number_or(config, "routed_scaling_factor", 2.5)},
      .shared_name = "shared_experts"};
  moe.shared_intermediate_size =
      shared_width(config, "num_shared_experts", moe.intermediate_size, 1);
  read_router_groups(config, moe.router);
  return moe;
}

}  // namespace

std::unique_ptr<Model> make_exaone_moe(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config =
      read_dense_config(fields, {.sliding_window_pattern = 4,
                                 .norm_eps_value = 1e-5,
                                 .sliding_window = 4096});
  const MoeConfig moe = read_moe_config(fields);
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(weights, config, traits, moe,
                             is_sparse(fields, index, 1), prefix + "mlp.",
                             std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  const bool hybrid = !fields.is_null("sliding_window");
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    if (hybrid && config.windows[index] == 0) block.spec.rope = {};
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
