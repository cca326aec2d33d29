// The encoders of texts: layers in which every token sees those behind it,
// too.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/common/weight_reader.h"
#include "models/model.h"
#include "models/source.h"
#include "ops/blocks.h"

namespace abstractllm::models {

/// Fields of config.json, by their names there, checked for sense.
struct EncoderConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int vocab_size = 0;
  int embedding_size = 0;  ///< hidden_size, unless the family says otherwise
  float norm_eps = 0;
  ops::Activation activation = ops::Activation::kGelu;

  int head_dim() const { return hidden_size / num_attention_heads; }
  /// Of one layer without rotation.
  ops::AttentionSpec attention() const;
};

/// What the config of one family calls the fields.
struct EncoderFields {
  const char* hidden_size = "hidden_size";
  const char* intermediate_size = "intermediate_size";
  const char* num_hidden_layers = "num_hidden_layers";
  const char* num_attention_heads = "num_attention_heads";
  const char* norm_eps = "layer_norm_eps";
  double default_eps = 1e-12;
  const char* activation = "hidden_act";
  const char* activation_name = "gelu";
  const char* embedding_size = nullptr;  ///< null: it is hidden_size
  int default_embedding_size = 128;
};

/// Throws ModelLoadingError for a missing field or impossible sizes.
EncoderConfig read_encoder_config(const io::JsonConfig& config,
                                  const EncoderFields& fields = {});

/// Norms of the residual stream itself stand behind the halves: BERT's place
/// for them. Those before a half are in its frame.
struct EncoderLayer {
  ops::AttentionBlock attention;
  std::optional<ops::Norm> attention_norm = std::nullopt;
  ops::MlpBlock mlp;
  std::optional<ops::Norm> mlp_norm = std::nullopt;
};

/// Everything that a family builds of its checkpoint.
struct EncoderParts {
  ops::Linear embedding;  ///< (vocabulary, embedding size)
  /// (positions, embedding size) where they are learned; a text's first token
  /// has row `first_position`.
  std::optional<ops::Linear> positions = std::nullopt;
  int first_position = 0;
  /// (embedding size), added to every token: the type of a first segment.
  std::optional<mlx::core::array> token_type = std::nullopt;
  std::optional<ops::Norm> embedding_norm = std::nullopt;
  /// (hidden, embedding size) where the two differ.
  std::optional<ops::Linear> embedding_projection = std::nullopt;
  std::vector<EncoderLayer> layers = {};
  std::optional<ops::Norm> final_norm = std::nullopt;
};

/// A model without logits: forward() gives the last hidden states.
std::unique_ptr<Model> make_encoder(EncoderParts parts);

/// What stands before `module` in the names of this checkpoint: one of
/// `prefixes`. Throws ModelLoadingError if there is no such module.
std::string find_prefix(const WeightReader& weights, const std::string& module,
                        const std::vector<std::string>& prefixes);

/// Lets tensors of heads that embeddings do not need pass as read: those whose
/// names begin with one of `beginnings`, behind `prefix` or without it.
void skip_heads(const io::WeightSource& weights, const std::string& prefix,
                const std::vector<std::string>& beginnings);

/// Row 0 of `module`'s (types, hidden) for `backend`.
mlx::core::array read_token_type(const WeightReader& weights,
                                 const std::string& module, int types,
                                 int hidden);

}  // namespace abstractllm::models
