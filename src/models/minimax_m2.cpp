// MiniMax M2: norms of queries and keys over all heads, part of a head rotated,
// experts by corrected sigmoids.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_minimax_m2(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_dense_config(
      fields,
      {.rope = {.theta = 5000000, .dims = size_or(fields, "rotary_dim", 0)},
       .rotates_part = true,
       .head_dim = 128});
  const MoeConfig moe{
      .experts = require_experts(fields),
      .intermediate_size = config.intermediate_size,
      .router = {.chosen = require_size(fields, "num_experts_per_tok"),
                 .score = ops::RouterScore::kSigmoid,
                 .normalise = true}};
  DenseTraits traits{.query_key_norm = HeadNorm::kAllHeads};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    const std::string module = mixtral_module(weights, prefix);
    ops::MoeBlock block =
        read_mixtral_moe(weights, config, moe, module, std::move(frame));
    block.correction = ops::make_floats(
        weights.vector(module + "e_score_correction_bias", moe.experts));
    return block;
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
