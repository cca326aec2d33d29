// Mellum 2: Qwen 3's experts, layers with a window and a rotation of their own
// among those that see all.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_mellum(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  DenseConfig config = read_dense_config(
      fields,
      {.rope = {.theta = 500000}, .head_dim = 128, .sliding_window = 1024});
  if (!fields.has("layer_types")) {
    config.windows.assign(config.windows.size(), 0);
  }
  const auto rope = [&](const char* kind, double theta) {
    const RopeDefaults defaults{.theta = theta, .dims = config.head_dim};
    const auto own = find_layer_rope(fields, kind, defaults);
    return own ? *own : plain_rope(defaults);
  };
  const ops::RopeTable global = rope("full_attention", 500000);
  const ops::RopeTable local = rope("sliding_attention", 10000);
  const MoeConfig moe{
      .experts = require_experts(fields),
      .intermediate_size = require_size(fields, "moe_intermediate_size"),
      .router = {.chosen = require_size(fields, "num_experts_per_tok"),
                 .normalise = flag_or(fields, "norm_topk_prob", true)}};
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(weights, config, traits, moe,
                             is_sparse(fields, index, 0), prefix + "mlp.",
                             std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    block.spec.rope = config.windows[index] > 0 ? local : global;
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
