// Construction of the encoders in BERT's shape.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/bert.h"

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

namespace {

EncoderLayer read_layer(const WeightReader& weights,
                        const EncoderConfig& config, const BertNames& names,
                        const std::string& prefix) {
  const int hidden = config.hidden_size;
  const int inner = config.intermediate_size;
  const auto square = [&](const std::string& name) {
    return weights.linear(prefix + name, hidden, hidden, Bias::kRequired);
  };
  const auto norm = [&](const std::string& name) {
    return weights.norm(ops::NormKind::kLayer, prefix + name, hidden,
                        config.norm_eps);
  };
  return {
      .attention = ops::AttentionBlock{.frame = {},
                                       .spec = config.attention(),
                                       .query = square(names.query),
                                       .key = square(names.key),
                                       .value = square(names.value),
                                       .output = square(names.output)},
      .attention_norm = norm(names.attention_norm),
      .mlp = ops::MlpBlock{.frame = {},
                           .activation = config.activation,
                           .gate = std::nullopt,
                           .up = weights.linear(prefix + names.up, inner,
                                                hidden, Bias::kRequired),
                           .down = weights.linear(prefix + names.down, hidden,
                                                  inner, Bias::kRequired)},
      .mlp_norm = norm(names.mlp_norm)};
}

void check_positions(const io::JsonConfig& config) {
  const auto type = config.find_string("position_embedding_type");
  if (!type || *type == "absolute") return;
  throw ModelLoadingError(
      "[config] position_embedding_type '" + *type + "' is not supported",
      "Supported: absolute.");
}

}  // namespace

std::unique_ptr<Model> make_bert_like(const ModelSource& source,
                                      const BertTraits& traits) {
  check_positions(source.config);
  const EncoderConfig config =
      read_encoder_config(source.config, traits.fields);
  const WeightReader weights(source.weights, source.backend);
  const BertNames& names = traits.names;
  const std::string prefix =
      find_prefix(weights, names.embedding, {"", traits.prefix});
  const int hidden = config.hidden_size;
  EncoderParts parts{
      .embedding = weights.linear(prefix + names.embedding, config.vocab_size,
                                  hidden, Bias::kNone),
      .positions =
          weights.linear(prefix + names.positions,
                         require_size(source.config, "max_position_embeddings"),
                         hidden, Bias::kNone),
      .first_position = traits.first_position,
      .embedding_norm =
          weights.norm(ops::NormKind::kLayer, prefix + names.embedding_norm,
                       hidden, config.norm_eps)};
  if (!names.token_type.empty()) {
    parts.token_type =
        read_token_type(weights, prefix + names.token_type,
                        size_or(source.config, "type_vocab_size", 2), hidden);
  }
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    parts.layers.push_back(
        read_layer(weights, config, names,
                   prefix + names.layers + std::to_string(i) + "."));
    if (source.on_progress) {
      source.on_progress((i + 1.0) / config.num_hidden_layers);
    }
  }
  skip_heads(source.weights, prefix,
             {"embeddings.position_ids", "pooler.", "cls.", "lm_head.",
              "classifier.", "pre_classifier.", "qa_outputs.",
              "vocab_transform.", "vocab_layer_norm.", "vocab_projector."});
  return make_encoder(std::move(parts));
}

}  // namespace abstractllm::models
