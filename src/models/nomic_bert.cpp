// Nomic's BERT: norms behind each half, gated units, rotation.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/encoder.h"
#include "models/common/rope_config.h"

namespace abstractllm::models {

namespace {

// The published checkpoints have names of their own, those that transformers
// saves have Llama's.
struct Names {
  bool published = false;
  std::string layers;
  std::string embedding_norm;

  std::string pick(const char* own, const char* llama) const {
    return published ? own : llama;
  }
};

EncoderConfig read_config(const io::JsonConfig& config) {
  if (!config.has("n_embd")) {
    EncoderConfig read = read_encoder_config(config);
    read.activation = read_activation(config, "hidden_act", "silu");
    return read;
  }
  EncoderConfig read =
      read_encoder_config(config, {.hidden_size = "n_embd",
                                   .intermediate_size = "n_inner",
                                   .num_hidden_layers = "n_layer",
                                   .num_attention_heads = "n_head",
                                   .norm_eps = "layer_norm_epsilon",
                                   .activation = "gate_activation"});
  const std::string unit =
      config.find_string("activation_function").value_or("swiglu");
  if (unit != "swiglu") {
    throw ModelLoadingError(
        "[config] activation_function '" + unit + "' is not supported",
        "Supported: swiglu.");
  }
  for (const char* field : {"prenorm", "parallel_block", "use_rms_norm",
                            "rotary_emb_interleaved", "use_xpos"}) {
    if (config.find_bool(field).value_or(false)) {
      throw ModelLoadingError("[config] " + std::string(field) +
                              " is true, which is not supported");
    }
  }
  read.activation = ops::Activation::kSilu;
  return read;
}

ops::RopeTable read_turns(const io::JsonConfig& config, int head_dim) {
  if (!config.has("n_embd")) {
    return read_rope(config, {.theta = 1000, .dims = head_dim});
  }
  const double share = config.find_number("rotary_emb_fraction").value_or(1);
  if (!(share >= 0 && share <= 1)) {
    throw ModelLoadingError("[config] rotary_emb_fraction is " +
                            std::to_string(share) + ", expected 0 to 1");
  }
  return plain_rope(
      {.theta = config.find_number("rotary_emb_base").value_or(10000),
       .dims = static_cast<int>(head_dim * share) / 2 * 2});
}

EncoderLayer read_layer(const WeightReader& weights,
                        const EncoderConfig& config, const Names& names,
                        const ops::RopeTable& rope, const std::string& prefix) {
  const int hidden = config.hidden_size;
  const int inner = config.intermediate_size;
  const auto linear = [&](const std::string& name, int outputs, int inputs) {
    return weights.linear(prefix + name, outputs, inputs, Bias::kIfPresent);
  };
  const auto norm = [&](const std::string& name) {
    return weights.norm(ops::NormKind::kLayer, prefix + name, hidden,
                        config.norm_eps);
  };
  const std::vector<ops::Linear> heads =
      names.published
          ? weights.split_linear(prefix + "attn.Wqkv", {hidden, hidden, hidden},
                                 hidden, Bias::kIfPresent)
          : std::vector<ops::Linear>{
                linear("self_attn.q_proj", hidden, hidden),
                linear("self_attn.k_proj", hidden, hidden),
                linear("self_attn.v_proj", hidden, hidden)};
  ops::AttentionSpec spec = config.attention();
  spec.rope = rope;
  return {
      .attention =
          ops::AttentionBlock{
              .frame = {},
              .spec = std::move(spec),
              .query = heads[0],
              .key = heads[1],
              .value = heads[2],
              .output = linear(names.pick("attn.out_proj", "self_attn.o_proj"),
                               hidden, hidden)},
      .attention_norm = norm(names.pick("norm1", "post_attention_layernorm")),
      .mlp =
          ops::MlpBlock{.frame = {},
                        .activation = config.activation,
                        .gate = linear(names.pick("mlp.fc12", "mlp.gate_proj"),
                                       inner, hidden),
                        .up = linear(names.pick("mlp.fc11", "mlp.up_proj"),
                                     inner, hidden),
                        .down = linear(names.pick("mlp.fc2", "mlp.down_proj"),
                                       hidden, inner)},
      .mlp_norm = norm(names.pick("norm2", "post_mlp_layernorm"))};
}

}  // namespace

std::unique_ptr<Model> make_nomic_bert(const ModelSource& source) {
  const EncoderConfig config = read_config(source.config);
  const ops::RopeTable rope = read_turns(source.config, config.head_dim());
  const WeightReader weights(source.weights, source.backend);
  const std::string prefix = find_prefix(weights, "embeddings.word_embeddings",
                                         {"", "bert.", "nomic_bert."});
  const bool published = weights.has_vector(prefix + "emb_ln.weight");
  const Names names{
      .published = published,
      .layers = prefix + (published ? "encoder.layers." : "layers."),
      .embedding_norm =
          prefix + (published ? "emb_ln" : "embeddings.LayerNorm")};
  EncoderParts parts{.embedding = weights.linear(
                         prefix + "embeddings.word_embeddings",
                         config.vocab_size, config.hidden_size, Bias::kNone),
                     .embedding_norm = weights.norm(
                         ops::NormKind::kLayer, names.embedding_norm,
                         config.hidden_size, config.norm_eps)};
  const int types = size_or(source.config, "type_vocab_size", 2);
  parts.token_type =
      read_token_type(weights, prefix + "embeddings.token_type_embeddings",
                      types, config.hidden_size);
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    parts.layers.push_back(read_layer(weights, config, names, rope,
                                      names.layers + std::to_string(i) + "."));
    if (source.on_progress) {
      source.on_progress((i + 1.0) / config.num_hidden_layers);
    }
  }
  skip_heads(source.weights, prefix,
             {"embeddings.position_ids", "pooler.", "cls.", "lm_head.",
              "classifier."});
  return make_encoder(std::move(parts));
}

}  // namespace abstractllm::models
