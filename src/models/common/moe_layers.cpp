// Reading of expert layers.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/moe_layers.h"

#include <algorithm>

#include "abstractllm/error.h"
#include "io/expert_order.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/common/config_fields.h"

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
      .gate =
          weights.linear(shared + "gate_proj", inner, hidden, Bias::kIfPresent),
      .up = weights.linear(shared + "up_proj", inner, hidden, Bias::kIfPresent),
      .down =
          weights.linear(shared + "down_proj", hidden, inner, Bias::kIfPresent),
      .weight = weights.has_matrix(gate) ? std::optional(weights.linear(
                                               gate, 1, hidden, Bias::kNone))
                                         : std::nullopt};
}

// Gate, up and down of all experts.
struct ExpertMatrices {
  ops::ExpertLinear gate;
  ops::ExpertLinear up;
  ops::ExpertLinear down;
};

// Gates and first matrices of all experts in one stack, (experts, outputs,
// inputs), or, as Qwen3-VL is published, with the inputs first.
ExpertMatrices read_fused_experts(const WeightReader& weights, int hidden,
                                  const MoeConfig& moe,
                                  const std::string& experts) {
  const int inner = moe.intermediate_size;
  const bool inputs_first =
      io::experts_have_inputs_first(weights.source(), experts, hidden);
  const auto rows = [&](const char* stack, int all, int first, int outputs,
                        int inputs) {
    if (!inputs_first) {
      return weights.expert_rows(experts + stack, moe.experts, all, first,
                                 outputs, inputs);
    }
    return weights.turned_expert_rows(experts + stack, moe.experts, all, first,
                                      outputs, inputs);
  };
  return {.gate = rows("gate_up_proj", 2 * inner, 0, inner, hidden),
          .up = rows("gate_up_proj", 2 * inner, inner, inner, hidden),
          .down = rows("down_proj", hidden, 0, hidden, inner)};
}

// One by one, or in mlx-lm's stacks.
ExpertMatrices read_own_experts(const WeightReader& weights, int hidden,
                                const MoeConfig& moe,
                                const std::string& prefix) {
  const int inner = moe.intermediate_size;
  const auto stack = [&](const std::string& name, int outputs, int inputs) {
    // mlx-lm's dots1 has no name of its own for a stack.
    const bool plain = weights.has_matrix(prefix + "experts." + name);
    return weights.experts(prefix + "experts.", name,
                           prefix + (plain ? "experts." : "switch_mlp.") + name,
                           moe.experts, outputs, inputs);
  };
  return {.gate = stack("gate_proj", inner, hidden),
          .up = stack("up_proj", inner, hidden),
          .down = stack("down_proj", hidden, inner)};
}

}  // namespace

void read_router_groups(const io::JsonConfig& config, ops::RouterSpec& router) {
  if (size_or(config, "n_group", 1) <= 1) return;
  router.groups = require_size(config, "n_group");
  router.kept = require_size(config, "topk_group");
  router.group_score = ops::GroupScore::kSumOfTwoLargest;
}

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
  const std::string experts = prefix + "experts.";
  ExpertMatrices matrices =
      weights.has_matrix(experts + "gate_up_proj")
          ? read_fused_experts(weights, hidden, moe, experts)
          : read_own_experts(weights, hidden, moe, prefix);
  ops::MoeBlock block{
      .frame = std::move(frame),
      .router = weights.linear(prefix + moe.router_name, moe.experts, hidden,
                               Bias::kNone),
      .spec = moe.router,
      .activation = config.activation,
      .gate = std::move(matrices.gate),
      .up = std::move(matrices.up),
      .down = std::move(matrices.down)};
  for (const char* name :
       {"gate.e_score_correction_bias", "e_score_correction_bias"}) {
    if (!weights.has_vector(prefix + name)) continue;
    block.correction =
        ops::make_floats(weights.vector(prefix + name, moe.experts));
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
  if (weights.has_matrix(prefix + "experts.gate_up_proj")) {
    MoeConfig fused = moe;
    if (weights.has_matrix(prefix + "router")) fused.router_name = "router";
    return read_moe(weights, config, fused, prefix, std::move(frame));
  }
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

std::string mixtral_module(const WeightReader& weights,
                           const std::string& prefix) {
  const bool renamed = weights.has_matrix(prefix + "mlp.experts.gate_up_proj");
  return prefix + (renamed ? "mlp." : "block_sparse_moe.");
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

int count_experts(const io::JsonConfig& config) {
  const char* field =
      config.has("num_experts") ? "num_experts" : "num_local_experts";
  if (config.find_int(field).value_or(0) == 0) return 0;
  return require_size(config, field);
}

int require_experts(const io::JsonConfig& config) {
  const int experts = count_experts(config);
  return experts > 0 ? experts : require_size(config, "num_experts");
}

bool is_sparse(const io::JsonConfig& config, int layer, int first) {
  const auto types = config.find_strings("mlp_layer_types");
  if (types && static_cast<std::size_t>(layer) < types->size()) {
    return (*types)[static_cast<std::size_t>(layer)] == "sparse";
  }
  return layer >= config.find_int("first_k_dense_replace").value_or(first);
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
