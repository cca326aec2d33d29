// MPT: ALiBi, fused queries, keys and values, layer norms without biases.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/alibi.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "d_model");
  read.intermediate_size =
      size_or(config, "expansion_ratio", 4) * read.hidden_size;
  read.num_hidden_layers = require_size(config, "n_layers");
  read.num_attention_heads = require_size(config, "n_heads");
  read.num_key_value_heads = read.num_attention_heads;
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  read.activation = ops::Activation::kGelu;
  read.windows.assign(static_cast<std::size_t>(read.num_hidden_layers), 0);
  return read;
}

void check_attention(const io::JsonConfig& attention) {
  const bool usual =
      attention.find_bool("alibi").value_or(true) &&
      !attention.find_bool("qk_ln").value_or(false) &&
      !attention.find_bool("prefix_lm").value_or(false) &&
      attention.find_string("attn_type").value_or("multihead_attention") ==
          "multihead_attention";
  if (usual) return;
  throw UnsupportedModelError(
      "[config] attn_config without ALiBi, with qk_ln, prefix_lm or another "
      "attn_type is not supported",
      "Supported: MPT as 7B and 30B are published.");
}

}  // namespace

std::unique_ptr<Model> make_mpt(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const io::JsonConfig attention =
      source.config.find_object("attn_config")
          .value_or(io::JsonConfig::parse("{}", "attn_config"));
  check_attention(attention);
  DenseTraits traits{.norm = ops::NormKind::kLayer,
                     .fused_query_key_value = true};
  traits.names.embedding = "transformer.wte";
  traits.names.layers = "transformer.blocks.";
  traits.names.final_norm = "transformer.norm_f";
  traits.names.attention = "attn.";
  traits.names.query_key_value = "Wqkv";
  traits.names.output = "out_proj";
  traits.names.before_attention = "norm_1";
  traits.names.before_mlp = "norm_2";
  traits.feed_forward = plain_mlps(config, "ffn.up_proj", "ffn.down_proj");
  DecoderParts parts = read_dense_parts(source, config, traits);
  place_by_alibi(parts, number_or(attention, "alibi_bias_max", 8));
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.clip = number_or(attention, "clip_qkv", 0);
    block.spec.scale = number_or(attention, "softmax_scale", block.spec.scale);
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
