// OLMoE: experts in all layers, norms over all heads of queries and keys.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_olmoe(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.norm_eps_value = 1e-5});
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = config.intermediate_size,
      .router = {
          .chosen = require_size(source.config, "num_experts_per_tok"),
          .normalise =
              source.config.find_bool("norm_topk_prob").value_or(false)}};
  DenseTraits traits{.query_key_norm = HeadNorm::kAllHeads};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_moe(weights, config, moe, prefix + "mlp.", std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.clip = number_or(source.config, "clip_qkv", 0);
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
