// Granite 3 and its form with windows, with experts: Granite's multipliers,
// gate and up in one stack.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/granite.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

DecoderParts read_parts(const ModelSource& source, const DenseConfig& config) {
  const MoeConfig moe{
      .experts = require_experts(source.config),
      .intermediate_size = config.intermediate_size,
      .router = {.chosen = size_or(source.config, "num_experts_per_tok", 2),
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
  return parts;
}

}  // namespace

std::unique_ptr<Model> make_granitemoe(const ModelSource& source) {
  return make_decoder(read_parts(source, read_dense_config(source.config)));
}

std::unique_ptr<Model> make_granitemoe_swa(const ModelSource& source) {
  const DenseConfig config = read_granite_window_config(source.config, 1e-6);
  DecoderParts parts = read_parts(source, config);
  apply_granite_windows(source, config, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
