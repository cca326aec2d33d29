// Reading of expert layers.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/moe_layers.h"

#include <algorithm>

#include "abstractllm/error.h"
#include "io/json_config.h"

namespace abstractllm::models {

namespace {

ops::SharedExpert read_shared(const WeightReader& weights,
                              const DenseConfig& config, const MoeConfig& moe,
                              const std::string& prefix) {
  const int hidden = config.hidden_size;
  const int inner = moe.shared_intermediate_size;
  const std::string shared = prefix + moe.shared_name + ".";
  const std::string gate = prefix + moe.shared_name + "_gate";
  return {
      .gate = weights.linear(shared + "gate_proj", inner, hidden, Bias::kNone),
      .up = weights.linear(shared + "up_proj", inner, hidden, Bias::kNone),
      .down = weights.linear(shared + "down_proj", hidden, inner, Bias::kNone),
      .weight = weights.has_matrix(gate) ? std::optional(weights.linear(
                                               gate, 1, hidden, Bias::kNone))
                                         : std::nullopt};
}

}  // namespace

void check_router(const MoeConfig& moe) {
  const ops::RouterSpec& router = moe.router;
  const bool groups_fit =
      router.groups == 0 ||
      (moe.experts % router.groups == 0 && router.kept >= 1 &&
       router.kept <= router.groups && moe.experts / router.groups >= 2 &&
       router.kept * (moe.experts / router.groups) >= router.chosen);
  if (router.chosen >= 1 && router.chosen <= moe.experts && groups_fit) return;
  throw ModelLoadingError("[config] cannot choose " +
                          std::to_string(router.chosen) + " of " +
                          std::to_string(moe.experts) + " experts in " +
                          std::to_string(router.kept) + " of " +
                          std::to_string(router.groups) + " groups");
}

ops::MoeBlock read_moe(const WeightReader& weights, const DenseConfig& config,
                       const MoeConfig& moe, const std::string& prefix,
                       ops::ResidualFrame frame) {
  check_router(moe);
  const int hidden = config.hidden_size;
  const int inner = moe.intermediate_size;
  const auto stack = [&](const std::string& name, int outputs, int inputs) {
    return weights.experts(prefix + "experts.", name,
                           prefix + "switch_mlp." + name, moe.experts, outputs,
                           inputs);
  };
  ops::MoeBlock block{
      .frame = std::move(frame),
      .router = weights.linear(prefix + moe.router_name, moe.experts, hidden,
                               Bias::kNone),
      .spec = moe.router,
      .activation = config.activation,
      .gate = stack("gate_proj", inner, hidden),
      .up = stack("up_proj", inner, hidden),
      .down = stack("down_proj", hidden, inner)};
  const std::string correction = prefix + "gate.e_score_correction_bias";
  if (weights.has_vector(correction)) {
    block.correction =
        ops::make_floats(weights.vector(correction, moe.experts));
  }
  if (moe.shared_intermediate_size > 0) {
    block.shared = read_shared(weights, config, moe, prefix);
  }
  return block;
}

ops::MoeBlock read_mixtral_moe(const WeightReader& weights,
                               const DenseConfig& config, const MoeConfig& moe,
                               const std::string& prefix,
                               ops::ResidualFrame frame) {
  check_router(moe);
  const int hidden = config.hidden_size;
  const int inner = moe.intermediate_size;
  const auto stack = [&](const char* name, const char* stacked, int outputs,
                         int inputs) {
    return weights.experts(prefix + "experts.", name,
                           prefix + "switch_mlp." + stacked, moe.experts,
                           outputs, inputs);
  };
  return {.frame = std::move(frame),
          .router =
              weights.linear(prefix + "gate", moe.experts, hidden, Bias::kNone),
          .spec = moe.router,
          .activation = config.activation,
          .gate = stack("w1", "gate_proj", inner, hidden),
          .up = stack("w3", "up_proj", inner, hidden),
          .down = stack("w2", "down_proj", hidden, inner)};
}

FeedForward read_feed_forward(const WeightReader& weights,
                              const DenseConfig& config,
                              const DenseTraits& traits, const MoeConfig& moe,
                              bool experts, const std::string& prefix,
                              ops::ResidualFrame frame) {
  if (experts) {
    return read_moe(weights, config, moe, prefix, std::move(frame));
  }
  return read_gated_mlp(weights, config, traits, prefix, std::move(frame));
}

bool has_experts(const io::JsonConfig& config, int layer) {
  const auto only = config.find_ints("mlp_only_layers");
  if (only && std::find(only->begin(), only->end(), layer) != only->end()) {
    return false;
  }
  const auto step = config.find_int("decoder_sparse_step").value_or(1);
  return step > 0 && (layer + 1) % step == 0;
}

}  // namespace abstractllm::models
