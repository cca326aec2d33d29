// Qwen 1.5 and 2 with experts, and one that all tokens go through.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_qwen2_moe(const ModelSource& source) {
  DenseConfig config = read_dense_config(source.config);
  if (!flag_or(source.config, "use_sliding_window", false)) {
    config.windows.assign(config.windows.size(), 0);
  } else if (!source.config.has("layer_types")) {
    // Unlike in the dense models, every other layer slides, up to this one.
    const auto end = source.config.find_int("max_window_layers").value_or(28);
    for (int i = 0; i < config.num_hidden_layers; ++i) {
      config.windows[static_cast<std::size_t>(i)] =
          i % 2 == 0 && i < end ? size_or(source.config, "sliding_window", 0)
                                : 0;
    }
  }
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = require_size(source.config, "moe_intermediate_size"),
      .router = {.chosen = require_size(source.config, "num_experts_per_tok"),
                 .normalise =
                     source.config.find_bool("norm_topk_prob").value_or(false)},
      .shared_intermediate_size =
          require_size(source.config, "shared_expert_intermediate_size")};
  const bool biased = flag_or(source.config, "qkv_bias", true);
  DenseTraits traits{.query_key_value_bias =
                         biased ? Bias::kRequired : Bias::kNone};
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
