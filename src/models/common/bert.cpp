// Construction of the encoders in BERT's shape.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/bert.h"

#include <map>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

namespace {

// One layer's modules, whose names begin with `prefix`.
EncoderLayer read_layer(const WeightReader& weights,
                        const EncoderConfig& config, const BertNames& names,
                        const std::string& prefix) {
  const int hidden = config.hidden_size;
  const int inner = config.intermediate_size;
  const auto square = [&](const std::string& name) {
    return weights.linear(prefix + name, hidden, hidden, Bias::kRequired);
  };
  const auto norm = [&](const std::string& name) -> std::optional<ops::Norm> {
    if (name.empty()) return std::nullopt;
    return weights.norm(ops::NormKind::kLayer, prefix + name, hidden,
                        config.norm_eps);
  };
  return {
      .attention =
          ops::AttentionBlock{.frame = {.before = norm(names.before_attention)},
                              .spec = config.attention(),
                              .query = square(names.query),
                              .key = square(names.key),
                              .value = square(names.value),
                              .output = square(names.output)},
      .attention_norm = norm(names.attention_norm),
      .mlp = ops::MlpBlock{.frame = {.before = norm(names.before_mlp)},
                           .activation = config.activation,
                           .gate = std::nullopt,
                           .up = weights.linear(prefix + names.up, inner,
                                                hidden, Bias::kRequired),
                           .down = weights.linear(prefix + names.down, hidden,
                                                  inner, Bias::kRequired)},
      .mlp_norm = norm(names.mlp_norm)};
}

// Everything before the layers.
EncoderParts read_embeddings(const WeightReader& weights,
                             const io::JsonConfig& fields,
                             const EncoderConfig& config,
                             const BertTraits& traits,
                             const std::string& prefix) {
  const BertNames& names = traits.names;
  const int size = config.embedding_size;
  EncoderParts parts{
      .embedding = weights.linear(prefix + names.embedding, config.vocab_size,
                                  size, Bias::kNone),
      .positions = weights.linear(prefix + names.positions,
                                  size_or(fields, "max_position_embeddings",
                                          traits.max_position_embeddings),
                                  size, Bias::kNone),
      .first_position = traits.first_position};
  if (!names.embedding_norm.empty()) {
    parts.embedding_norm =
        weights.norm(ops::NormKind::kLayer, prefix + names.embedding_norm, size,
                     config.norm_eps);
  }
  const std::string projection = prefix + names.embedding_projection;
  if (!names.embedding_projection.empty() &&
      (size != config.hidden_size || weights.has_matrix(projection))) {
    parts.embedding_projection =
        weights.linear(projection, config.hidden_size, size, Bias::kRequired);
  }
  if (!names.token_type.empty()) {
    parts.token_type = read_token_type(
        weights, prefix + names.token_type,
        size_or(fields, "type_vocab_size", traits.type_vocab_size), size);
  }
  return parts;
}

void check_positions(const io::JsonConfig& config) {
  const auto type = config.find_string("position_embedding_type");
  if (!type || *type == "absolute") return;
  throw ModelLoadingError(
      "[config] position_embedding_type '" + *type + "' is not supported",
      "Supported: absolute.");
}

}  // namespace

int position_behind_padding(const io::JsonConfig& config, int positions) {
  const auto padding = config.find_int("pad_token_id").value_or(1);
  positions = size_or(config, "max_position_embeddings", positions);
  if (padding < 0 || padding + 1 >= positions) {
    throw ModelLoadingError("[config] pad_token_id is " +
                            std::to_string(padding) +
                            ", expected less than max_position_embeddings (" +
                            std::to_string(positions) + ")");
  }
  return static_cast<int>(padding) + 1;
}

EncoderParts read_bert_parts(const ModelSource& source,
                             const BertTraits& traits) {
  check_positions(source.config);
  const EncoderConfig config =
      read_encoder_config(source.config, traits.fields);
  const WeightReader weights(source.weights, source.backend);
  const BertNames& names = traits.names;
  const std::string prefix =
      find_prefix(weights, names.embedding, {"", traits.prefix});
  EncoderParts parts =
      read_embeddings(weights, source.config, config, traits, prefix);
  std::map<std::string, EncoderLayer> read;
  const int count = traits.layers.empty()
                        ? config.num_hidden_layers
                        : static_cast<int>(traits.layers.size());
  for (int i = 0; i < count; ++i) {
    const std::string name = traits.layers.empty()
                                 ? std::to_string(i)
                                 : traits.layers[static_cast<std::size_t>(i)];
    auto layer = read.find(name);
    if (layer == read.end()) {
      layer = read.emplace(name, read_layer(weights, config, names,
                                            prefix + names.layers + name + "."))
                  .first;
    }
    parts.layers.push_back(layer->second);
    if (source.on_progress) source.on_progress((i + 1.0) / count);
  }
  if (!names.final_norm.empty()) {
    parts.final_norm =
        weights.norm(ops::NormKind::kLayer, prefix + names.final_norm,
                     config.hidden_size, config.norm_eps);
  }
  skip_heads(
      source.weights, prefix,
      {"embeddings.position_ids", "embeddings.token_type_ids", "pooler.",
       "cls.", "lm_head.", "classifier.", "predictions.", "sop_classifier.",
       "discriminator_predictions.", "generator_predictions.",
       "generator_lm_head.", "pre_classifier.", "qa_outputs.",
       "vocab_transform.", "vocab_layer_norm.", "vocab_projector."});
  return parts;
}

std::unique_ptr<Model> make_bert_like(const ModelSource& source,
                                      const BertTraits& traits) {
  return make_encoder(read_bert_parts(source, traits));
}

}  // namespace abstractllm::models
