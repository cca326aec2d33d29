// Arcee's Trinity: windows with rotation in three layers of four, all positions
// without rotation in the fourth, a gate on attention, experts by corrected
// sigmoids.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

MoeConfig read_moe_config(const io::JsonConfig& config) {
  const int inner = size_or(config, "moe_intermediate_size", 1408);
  MoeConfig moe{
      .experts = require_experts(config),
      .intermediate_size = inner,
      .router = {.chosen = size_or(config, "num_experts_per_tok", 6),
                 .score = ops::RouterScore::kSigmoid,
                 .normalise = config.find_bool("route_norm").value_or(true),
                 .scale = number_or(config, "route_scale", 1)},
      .shared_intermediate_size =
          shared_width(config, "num_shared_experts", inner, 2),
      .shared_name = "shared_experts",
      .router_name = "router.gate"};
  const std::string score =
      config.find_string("score_func").value_or("sigmoid");
  if (score == "softmax") {
    moe.router.score = ops::RouterScore::kSoftmax;
  } else if (score != "sigmoid") {
    throw ModelLoadingError(
        "[config] score_func '" + score + "' is not supported",
        "Supported: sigmoid, softmax.");
  }
  read_router_groups(config, moe.router);
  return moe;
}

}  // namespace

std::unique_ptr<Model> make_afmoe(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config =
      read_dense_config(fields, {.sliding_window_pattern = size_or(
                                     fields, "global_attn_every_n_layers", 4),
                                 .norm_eps_value = 1e-5,
                                 .head_dim = 128,
                                 .sliding_window = 1024});
  const MoeConfig moe = read_moe_config(fields);
  const auto dense = fields.find_int("num_dense_layers").value_or(1);
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  traits.names.after_attention = "post_attention_layernorm";
  traits.names.before_mlp = "pre_mlp_layernorm";
  traits.names.after_mlp = "post_mlp_layernorm";
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    if (index < dense) {
      return read_gated_mlp(weights, config, traits, prefix + "mlp.",
                            std::move(frame));
    }
    ops::MoeBlock block =
        read_moe(weights, config, moe, prefix + "mlp.", std::move(frame));
    block.correction = ops::make_floats(
        weights.vector(prefix + "mlp.expert_bias", moe.experts));
    return block;
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  const WeightReader reader(source.weights, source.backend);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    if (block.spec.window == 0) block.spec.rope = {};
    block.gate = reader.linear(
        "model.layers." + std::to_string(index) + ".self_attn.gate_proj",
        block.query.outputs(), config.hidden_size, Bias::kNone);
  });
  if (flag_or(fields, "mup_enabled", false)) {
    parts.embedding_scale = std::sqrt(static_cast<float>(config.hidden_size));
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
