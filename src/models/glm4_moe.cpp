// GLM 4.5, 4.6 and Air: experts by corrected sigmoids behind dense layers, a
// partial rotation.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_glm4_moe(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.partial_rotary_factor = 0.5, .norm_eps_value = 1e-5});
  const MoeConfig moe = read_deepseek_moe_config(
      source.config, {.score = ops::RouterScore::kSigmoid,
                      .group_score = ops::GroupScore::kSumOfTwoLargest,
                      .scale_normalised = true,
                      .normalise = true});
  DenseTraits traits;
  if (source.config.find_bool("use_qk_norm").value_or(false)) {
    traits.query_key_norm = HeadNorm::kEachHead;
  }
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_feed_forward(
        weights, config, traits, moe,
        moe.experts > 0 && is_sparse(source.config, index, 1), prefix + "mlp.",
        std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
