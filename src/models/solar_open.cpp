// Solar Open: GLM 4.5's experts in every layer, attention as in Llama.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_solar_open(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config =
      read_dense_config(fields, {.rope = {.theta = 1000000},
                                 .rotates_part = true,
                                 .norm_eps_value = 1e-5,
                                 .dense_layers = false,
                                 .head_dim = 128});
  const MoeConfig moe = read_deepseek_moe_config(
      fields, {.score = ops::RouterScore::kSigmoid,
               .group_score = ops::GroupScore::kSumOfTwoLargest,
               .scale_normalised = true,
               .normalise = true});
  DenseTraits traits;
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_moe(weights, config, moe, prefix + "mlp.", std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
