// Jina's embeddings, third version: norms behind each half, rotation. The
// published names differ from those of the library's classes.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/encoder.h"
#include "models/common/rope_config.h"

namespace abstractllm::models {

namespace {

class Reader {
 public:
  Reader(const WeightReader& weights, const EncoderConfig& config,
         ops::RopeTable rope)
      : weights_(weights),
        config_(config),
        rope_(std::move(rope)),
        prefix_(find_prefix(weights, "embeddings.word_embeddings",
                            {"", "roberta."})),
        published_(weights.has_vector(prefix_ + "emb_ln.weight")) {}

  const std::string& prefix() const { return prefix_; }

  EncoderParts embeddings(int types) const {
    const std::string module = prefix_ + "embeddings.";
    return {.embedding =
                weights_.linear(module + "word_embeddings", config_.vocab_size,
                                config_.hidden_size, Bias::kNone),
            .token_type =
                read_token_type(weights_, module + "token_type_embeddings",
                                types, config_.hidden_size),
            .embedding_norm =
                norm(prefix_ + pick("emb_ln", "embeddings.LayerNorm"))};
  }

  EncoderLayer layer(int index) const {
    const std::string module = prefix_ + pick("encoder.layers.", "layers.") +
                               std::to_string(index) + ".";
    const int hidden = config_.hidden_size;
    const int inner = config_.intermediate_size;
    const auto linear = [&](const std::string& name, int outputs, int inputs) {
      return weights_.linear(module + name, outputs, inputs, Bias::kRequired);
    };
    const std::vector<ops::Linear> heads =
        published_ ? weights_.split_linear(module + "mixer.Wqkv",
                                           {hidden, hidden, hidden}, hidden,
                                           Bias::kRequired)
                   : std::vector<ops::Linear>{
                         linear("self_attn.q_proj", hidden, hidden),
                         linear("self_attn.k_proj", hidden, hidden),
                         linear("self_attn.v_proj", hidden, hidden)};
    ops::AttentionSpec spec = config_.attention();
    spec.rope = rope_;
    return {.attention =
                ops::AttentionBlock{
                    .frame = {},
                    .spec = std::move(spec),
                    .query = heads[0],
                    .key = heads[1],
                    .value = heads[2],
                    .output = linear(pick("mixer.out_proj", "self_attn.o_proj"),
                                     hidden, hidden)},
            .attention_norm =
                norm(module + pick("norm1", "post_attention_layernorm")),
            .mlp = ops::MlpBlock{.frame = {},
                                 .activation = config_.activation,
                                 .gate = std::nullopt,
                                 .up = linear("mlp.fc1", inner, hidden),
                                 .down = linear("mlp.fc2", hidden, inner)},
            .mlp_norm = norm(module + pick("norm2", "post_mlp_layernorm"))};
  }

 private:
  std::string pick(const char* published, const char* own) const {
    return published_ ? published : own;
  }

  ops::Norm norm(const std::string& module) const {
    return weights_.norm(ops::NormKind::kLayer, module, config_.hidden_size,
                         config_.norm_eps);
  }

  const WeightReader& weights_;
  const EncoderConfig& config_;
  const ops::RopeTable rope_;
  const std::string prefix_;
  const bool published_;
};

}  // namespace

std::unique_ptr<Model> make_jina_embeddings_v3(const ModelSource& source) {
  const EncoderConfig config =
      read_encoder_config(source.config, {.default_eps = 1e-5});
  const WeightReader weights(source.weights, source.backend);
  const Reader reader(
      weights, config,
      read_rope(source.config, {.theta = 20000, .dims = config.head_dim()}));
  EncoderParts parts =
      reader.embeddings(size_or(source.config, "type_vocab_size", 1));
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    parts.layers.push_back(reader.layer(i));
    if (source.on_progress) {
      source.on_progress((i + 1.0) / config.num_hidden_layers);
    }
  }
  skip_heads(source.weights, reader.prefix(),
             {"embeddings.position_ids", "pooler.", "lm_head.", "classifier."});
  return make_encoder(std::move(parts));
}

}  // namespace abstractllm::models
