// The encoders in BERT's shape: norms behind each half, a plain feed-forward
// network.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "models/common/encoder.h"

namespace abstractllm::models {

/// Names of modules. Those of a layer stand behind `layers` and its number.
struct BertNames {
  std::string embedding = "embeddings.word_embeddings";
  std::string positions = "embeddings.position_embeddings";
  std::string token_type = "embeddings.token_type_embeddings";  ///< or none
  std::string embedding_norm = "embeddings.LayerNorm";
  std::string layers = "encoder.layer.";
  std::string query = "attention.self.query";
  std::string key = "attention.self.key";
  std::string value = "attention.self.value";
  std::string output = "attention.output.dense";
  std::string attention_norm = "attention.output.LayerNorm";
  std::string up = "intermediate.dense";
  std::string down = "output.dense";
  std::string mlp_norm = "output.LayerNorm";
};

struct BertTraits {
  EncoderFields fields;
  BertNames names;
  /// What a checkpoint with a head on top puts before all of these names.
  std::string prefix;
  /// The row of the first token's position.
  int first_position = 0;
};

std::unique_ptr<Model> make_bert_like(const ModelSource& source,
                                      const BertTraits& traits);

}  // namespace abstractllm::models
