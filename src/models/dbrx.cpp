// DBRX: layer norms without biases, clipped fused projections, experts whose
// matrices lie in three stacks.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

namespace {

io::JsonConfig object_of(const io::JsonConfig& config, const char* field) {
  return config.find_object(field).value_or(io::JsonConfig());
}

DenseConfig read_config(const io::JsonConfig& config) {
  const io::JsonConfig attention = object_of(config, "attn_config");
  DenseConfig read;
  read.hidden_size = require_size(config, "d_model");
  read.num_hidden_layers = require_size(config, "n_layers");
  read.num_attention_heads = require_size(config, "n_heads");
  read.num_key_value_heads = size_or(attention, "kv_n_heads", 1);
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = 1e-5f;
  read.windows.assign(static_cast<std::size_t>(read.num_hidden_layers), 0);
  if (read.head_dim % 2 != 0 ||
      read.hidden_size % read.num_attention_heads != 0 ||
      read.num_attention_heads % read.num_key_value_heads != 0) {
    throw ModelLoadingError(
        "[config] " + std::to_string(read.num_attention_heads) +
        " heads of size " + std::to_string(read.head_dim) + " cannot share " +
        std::to_string(read.num_key_value_heads) + " heads of keys");
  }
  // Published files have the base in attn_config, those of the library's later
  // versions in rope_parameters.
  read.rope = read_rope(
      config, {.theta = attention.find_number("rope_theta").value_or(10000),
               .dims = read.head_dim});
  const auto activation =
      object_of(config, "ffn_config").find_object("ffn_act_fn");
  if (activation) read.activation = read_activation(*activation, "name");
  return read;
}

MoeConfig read_moe_config(const io::JsonConfig& ffn) {
  MoeConfig moe{.experts = size_or(ffn, "moe_num_experts", 4),
                .intermediate_size = size_or(ffn, "ffn_hidden_size", 3584),
                .router = {.chosen = size_or(ffn, "moe_top_k", 1)}};
  // 1 where it is absent, but null switches it off.
  const char* field = "moe_normalize_expert_weights";
  const auto power = ffn.find_number(field);
  moe.router.normalise = !ffn.is_null(field);
  if (power.value_or(1) != 1) {
    throw ModelLoadingError("[config] moe_normalize_expert_weights is " +
                                std::to_string(*power) +
                                ", which is not supported",
                            "Supported: 1, and null for no normalisation.");
  }
  check_router(moe);
  return moe;
}

ops::MoeBlock read_experts(const WeightReader& weights,
                           const DenseConfig& config, const MoeConfig& moe,
                           const std::string& prefix,
                           ops::ResidualFrame frame) {
  const int hidden = config.hidden_size;
  const int inner = moe.intermediate_size;
  const std::string stack = prefix + "experts.mlp.";
  // mlx-lm takes the stacks apart.
  const auto rows = [&](const char* name, int outputs, int inputs) {
    return weights.experts(prefix + "experts.", name, stack + name, moe.experts,
                           outputs, inputs);
  };
  const auto down = [&] {
    if (!weights.has_matrix(stack + "w2")) return rows("w2", hidden, inner);
    return weights.turned_expert_rows(stack + "w2", moe.experts, hidden, 0,
                                      hidden, inner);
  };
  return {.frame = std::move(frame),
          .router = weights.linear(prefix + "router.layer", moe.experts, hidden,
                                   Bias::kNone),
          .spec = moe.router,
          .activation = config.activation,
          .gate = rows("w1", inner, hidden),
          .up = rows("v1", inner, hidden),
          .down = down()};
}

}  // namespace

std::unique_ptr<Model> make_dbrx(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const MoeConfig moe = read_moe_config(object_of(source.config, "ffn_config"));
  DenseTraits traits{.norm = ops::NormKind::kLayer,
                     .fused_query_key_value = true};
  traits.names.embedding = "transformer.wte";
  traits.names.layers = "transformer.blocks.";
  traits.names.final_norm = "transformer.norm_f";
  traits.names.attention = "norm_attn_norm.attn.";
  traits.names.query_key_value = "Wqkv";
  traits.names.output = "out_proj";
  traits.names.before_attention = "norm_attn_norm.norm_1";
  traits.names.before_mlp = "norm_attn_norm.norm_2";
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_experts(weights, config, moe, prefix + "ffn.",
                        std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  const float clip =
      number_or(object_of(source.config, "attn_config"), "clip_qkv", 0);
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.clip = clip;
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
