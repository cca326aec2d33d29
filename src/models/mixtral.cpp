// Mixtral: Mistral with a mixture of experts.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_mixtral(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  const int count = require_size(source.config, "num_local_experts");
  const int chosen = require_size(source.config, "num_experts_per_tok");
  const int hidden = config.hidden_size;
  const int inner = config.intermediate_size;
  const auto experts = [&](const WeightReader& weights,
                           const std::string& prefix, int /*index*/,
                           ops::ResidualFrame frame) -> FeedForward {
    const std::string moe = prefix + "block_sparse_moe.";
    const auto stack = [&](const char* name, const char* stacked, int outputs,
                           int inputs) {
      return weights.experts(moe + "experts.", name,
                             moe + "switch_mlp." + stacked, count, outputs,
                             inputs);
    };
    return ops::MoeBlock{
        .frame = std::move(frame),
        .router = weights.linear(moe + "gate", count, hidden, Bias::kNone),
        .spec = {.chosen = chosen, .normalise = true},
        .activation = config.activation,
        .gate = stack("w1", "gate_proj", inner, hidden),
        .up = stack("w3", "up_proj", inner, hidden),
        .down = stack("w2", "down_proj", hidden, inner)};
  };
  return make_decoder(
      read_dense_parts(source, config, {.feed_forward = experts}));
}

}  // namespace abstractllm::models
