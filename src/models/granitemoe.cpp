// Granite 3 with experts: Granite's multipliers, gate and up in one stack.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/granite.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_granitemoe(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = config.intermediate_size,
      .router = {.chosen = require_size(source.config, "num_experts_per_tok"),
                 .normalise = true}};
  const auto experts = [&](const WeightReader& weights,
                           const std::string& prefix, int /*index*/,
                           ops::ResidualFrame frame) -> FeedForward {
    ops::MoeBlock block = read_granite_moe(
        weights, config, moe, prefix + "block_sparse_moe.", std::move(frame));
    // granitemoeshared
    const auto shared =
        source.config.find_int("shared_intermediate_size").value_or(0);
    if (shared > 0) {
      block.shared = read_granite_unit(
          weights, config.hidden_size,
          require_size(source.config, "shared_intermediate_size"), prefix);
    }
    return block;
  };
  DecoderParts parts =
      read_dense_parts(source, config, {.feed_forward = experts});
  apply_granite_multipliers(source.config, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
