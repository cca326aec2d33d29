// Qwen 3 with experts.
// SPDX-License-Identifier: Apache-2.0
#include "io/expert_order.h"
#include "io/weight_source.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

// Gates and first matrices of all experts in one stack, (experts, outputs,
// inputs), or, as Qwen3-VL is published, with the inputs first.
ops::MoeBlock read_stacked_moe(const ModelSource& source,
                               const WeightReader& weights,
                               const DenseConfig& config, const MoeConfig& moe,
                               const std::string& prefix,
                               ops::ResidualFrame frame) {
  check_router(moe);
  const int hidden = config.hidden_size;
  const int inner = moe.intermediate_size;
  const std::string experts = prefix + "experts.";
  const bool inputs_first =
      io::experts_have_inputs_first(source.weights, experts, hidden);
  const auto rows = [&](const char* stack, int all, int first, int outputs,
                        int inputs) {
    if (!inputs_first) {
      return weights.expert_rows(experts + stack, moe.experts, all, first,
                                 outputs, inputs);
    }
    OwnedMatrices owned =
        weights.transposed(experts + stack, moe.experts, all, inputs);
    for (io::WeightMatrix& matrix : owned.matrices) {
      matrix = matrix.slice_rows(first, outputs);
    }
    return weights.experts(owned.matrices, std::nullopt);
  };
  return {.frame = std::move(frame),
          .router =
              weights.linear(prefix + "gate", moe.experts, hidden, Bias::kNone),
          .spec = moe.router,
          .activation = config.activation,
          .gate = rows("gate_up_proj", 2 * inner, 0, inner, hidden),
          .up = rows("gate_up_proj", 2 * inner, inner, inner, hidden),
          .down = rows("down_proj", hidden, 0, hidden, inner)};
}

}  // namespace

std::unique_ptr<Model> make_qwen3_moe(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  const MoeConfig moe{
      .experts = require_size(source.config, "num_experts"),
      .intermediate_size = require_size(source.config, "moe_intermediate_size"),
      .router = {
          .chosen = require_size(source.config, "num_experts_per_tok"),
          .normalise =
              source.config.find_bool("norm_topk_prob").value_or(false)}};
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    if (weights.has_matrix(prefix + "mlp.experts.gate_up_proj")) {
      return read_stacked_moe(source, weights, config, moe, prefix + "mlp.",
                              std::move(frame));
    }
    return read_feed_forward(weights, config, traits, moe,
                             has_experts(source.config, index), prefix + "mlp.",
                             std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
