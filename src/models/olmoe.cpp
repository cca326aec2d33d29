// OLMoE: experts in all layers, norms over all heads of queries and keys.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_olmoe(const ModelSource& source) {
  if (source.config.has("clip_qkv")) {
    throw ModelLoadingError("[config] clip_qkv is set, which is not supported",
                            "Published models of this family leave it null.");
  }
  const DenseConfig config = read_dense_config(source.config);
  const MoeConfig moe{
      .experts = require_size(source.config, "num_experts"),
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
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
