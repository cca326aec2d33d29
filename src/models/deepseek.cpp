// DeepSeek 1 with experts (DeepSeek-MoE): Llama's attention, shared experts
// beside the chosen ones.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/deepseek.h"

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_deepseek_v1(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  const MoeConfig moe = read_deepseek_moe_config(source.config, {});
  const int step = size_or(source.config, "moe_layer_freq", 1);
  DenseTraits traits;
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(weights, config, traits, moe,
                             moe.experts > 0 && index % step == 0 &&
                                 is_sparse(source.config, index, 0),
                             prefix + "mlp.", std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
