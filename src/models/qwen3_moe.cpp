// Qwen 3 with experts.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_qwen3_moe(const ModelSource& source) {
  DenseConfig config = read_dense_config(source.config);
  // Unlike in the dense models, all layers slide where one does.
  const bool slides = flag_or(source.config, "use_sliding_window", false);
  config.windows.assign(
      config.windows.size(),
      slides ? size_or(source.config, "sliding_window", 0) : 0);
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = require_size(source.config, "moe_intermediate_size"),
      .router = {
          .chosen = require_size(source.config, "num_experts_per_tok"),
          .normalise =
              source.config.find_bool("norm_topk_prob").value_or(false)}};
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(weights, config, traits, moe,
                             has_experts(source.config, index), prefix + "mlp.",
                             std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
