// dots.llm1: attention as in Qwen 3, experts as in DeepSeek 3.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_dots1(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  DenseConfig config = read_dense_config(fields, {.sliding_window = 4096});
  if (!fields.has("layer_types")) {
    const auto first = fields.find_int("max_window_layers").value_or(62);
    for (int i = 0; i < config.num_hidden_layers && i < first; ++i) {
      config.windows[static_cast<std::size_t>(i)] = 0;
    }
  }
  const MoeConfig moe = read_deepseek_moe_config(
      fields, {.score = ops::RouterScore::kSigmoid,
               .group_score = ops::GroupScore::kSumOfTwoLargest,
               .scale_normalised = true});
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(weights, config, traits, moe,
                             moe.experts > 0 && is_sparse(fields, index, 0),
                             prefix + "mlp.", std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
