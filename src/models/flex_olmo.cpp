// FlexOlmo: OLMo 2's attention and norms around OLMoE's experts.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_flex_olmo(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.rope = {.theta = 500000}});
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = config.intermediate_size,
      .router = {
          .chosen = require_size(source.config, "num_experts_per_tok"),
          .normalise =
              source.config.find_bool("norm_topk_prob").value_or(false)}};
  DenseTraits traits{.query_key_norm = HeadNorm::kAllHeads};
  put_norms_behind(traits.names);
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_moe(weights, config, moe, prefix + "mlp.", std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
