// Ling and Ring (Bailing): experts, fused projections, sometimes norms of
// queries and keys and a head with columns of length 1.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"
#include "models/common/normed_head.h"

namespace abstractllm::models {

namespace {

MoeConfig read_moe_config(const io::JsonConfig& config) {
  MoeConfig moe{
      .experts = require_experts(config),
      .intermediate_size = require_size(config, "moe_intermediate_size"),
      .router = {.chosen = require_size(config, "num_experts_per_tok")},
      .shared_name = "shared_experts"};
  if (flag_or(config, "moe_router_enable_shared_expert", true)) {
    moe.shared_intermediate_size =
        shared_width(config, "num_shared_experts",
                     size_or(config, "moe_shared_expert_intermediate_size",
                             moe.intermediate_size),
                     0);
  }
  ops::RouterSpec& router = moe.router;
  if (config.find_string("score_function").value_or("softmax") == "sigmoid") {
    router.score = ops::RouterScore::kSigmoid;
  }
  router.normalise =
      router.chosen > 1 && flag_or(config, "norm_topk_prob", true);
  router.scale = number_or(config, "routed_scaling_factor", 1);
  if (size_or(config, "n_group", 1) > 1) {
    router.groups = require_size(config, "n_group");
    router.kept = require_size(config, "topk_group");
    router.group_score = ops::GroupScore::kSumOfTwoLargest;
  }
  return moe;
}

}  // namespace

std::unique_ptr<Model> make_bailing_moe(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_dense_config(
      fields, {.rope = {.dims = size_or(fields, "rotary_dim", 0)},
               .rotates_part = true});
  const MoeConfig moe = read_moe_config(fields);
  const auto first = fields.find_int("first_k_dense_replace").value_or(0);
  // GGUF files of the first version have the three apart.
  const WeightReader reader(source.weights, source.backend);
  DenseTraits traits{.fused_query_key_value =
                         !reader.has_matrix("model.layers.0.attention.q_proj")};
  if (fields.find_bool("use_qk_norm").value_or(false)) {
    traits.query_key_norm = HeadNorm::kEachHead;
  }
  traits.names.embedding = "model.word_embeddings";
  traits.names.attention = "attention.";
  traits.names.query_key_value = "query_key_value";
  traits.names.output = "dense";
  traits.names.query_norm = "query_layernorm";
  traits.names.key_norm = "key_layernorm";
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    MoeConfig here = moe;
    // mlx-lm's name beside the published one.
    if (weights.has_matrix(prefix + "mlp.gate.gate_proj")) {
      here.router_name = "gate.gate_proj";
    }
    FeedForward half =
        read_feed_forward(weights, config, traits, here, index >= first,
                          prefix + "mlp.", std::move(frame));
    const std::string correction = prefix + "mlp.gate.expert_bias";
    auto* block = std::get_if<ops::MoeBlock>(&half);
    if (block != nullptr && weights.has_vector(correction)) {
      block->correction =
          ops::make_floats(weights.vector(correction, moe.experts));
    }
    return half;
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  if (fields.find_bool("norm_head").value_or(false)) {
    parts.head = read_normed_head(reader, "lm_head", config.vocab_size,
                                  config.hidden_size, HeadLength::kColumns);
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
