// Qwen 3 Next: three layers of linear attention by the gated delta rule to one
// of gated attention, experts with one that all tokens go through.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/delta_net.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

MoeConfig read_moe_config(const io::JsonConfig& config) {
  MoeConfig moe;
  moe.experts = count_experts(config);
  if (moe.experts == 0) return moe;
  moe.intermediate_size = require_size(config, "moe_intermediate_size");
  moe.router.chosen = require_size(config, "num_experts_per_tok");
  moe.router.normalise = flag_or(config, "norm_topk_prob", true);
  moe.shared_intermediate_size =
      require_size(config, "shared_expert_intermediate_size");
  return moe;
}

}  // namespace

std::unique_ptr<Model> make_qwen3_next(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.rope = {.theta = 10000},
                                        .partial_rotary_factor = 0.25,
                                        .head_dim = 256});
  const MoeConfig moe = read_moe_config(source.config);
  const ops::DeltaRuleSpec spec = read_delta_rule_spec(source.config);
  const int kernel = size_or(source.config, "linear_conv_kernel_dim", 4);
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead,
                     .norm_offset = delta_net_norm_offset(
                         source, config.num_hidden_layers, "model.layers."),
                     .gated_attention = true};
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    if (sees_all(source.config, index)) {
      return read_attention(weights, config, traits,
                            prefix + traits.names.attention, index,
                            std::move(frame));
    }
    return read_delta_rule(weights, config, spec, kernel,
                           prefix + "linear_attn.", std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(
        weights, config, traits, moe,
        moe.experts > 0 && has_experts(source.config, index), prefix + "mlp.",
        std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
