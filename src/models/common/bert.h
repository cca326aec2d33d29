// The encoders in BERT's shape: norms behind each half, a plain feed-forward
// network.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/common/encoder.h"

namespace abstractllm::models {

/// Names of modules. Those of a layer stand behind `layers` and its number. An
/// empty name is a module that the family does not have.
struct BertNames {
  std::string embedding = "embeddings.word_embeddings";
  std::string positions = "embeddings.position_embeddings";
  std::string token_type = "embeddings.token_type_embeddings";
  std::string embedding_norm = "embeddings.LayerNorm";
  /// Where embeddings have a size of their own.
  std::string embedding_projection;
  std::string layers = "encoder.layer.";
  std::string before_attention;
  std::string query = "attention.self.query";
  std::string key = "attention.self.key";
  std::string value = "attention.self.value";
  std::string output = "attention.output.dense";
  std::string attention_norm = "attention.output.LayerNorm";
  std::string before_mlp;
  std::string up = "intermediate.dense";
  std::string down = "output.dense";
  std::string mlp_norm = "output.LayerNorm";
  std::string final_norm;
};

struct BertTraits {
  EncoderFields fields;
  BertNames names;
  /// What a checkpoint with a head on top puts before all of these names.
  std::string prefix;
  /// The row of the first token's position.
  int first_position = 0;
  /// Where config.json is silent.
  int type_vocab_size = 2;
  int max_position_embeddings = 512;
  /// What follows names.layers, one a layer, where layers share modules. Empty:
  /// each has its own number.
  std::vector<std::string> layers = {};
};

/// The row of the first token's position in RoBERTa's table: behind that of the
/// padding token's id. `positions`: where max_position_embeddings is absent.
/// Throws ModelLoadingError.
int position_behind_padding(const io::JsonConfig& config, int positions = 512);

EncoderParts read_bert_parts(const ModelSource& source,
                             const BertTraits& traits);

std::unique_ptr<Model> make_bert_like(const ModelSource& source,
                                      const BertTraits& traits);

}  // namespace abstractllm::models
