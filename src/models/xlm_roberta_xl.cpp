// XLM-RoBERTa XL and XXL: norms before the halves of a layer, none behind the
// embeddings.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/bert.h"

namespace abstractllm::models {

namespace {

constexpr int kPositions = 514;

}  // namespace

std::unique_ptr<Model> make_xlm_roberta_xl(const ModelSource& source) {
  return make_bert_like(
      source,
      {.fields = {.default_eps = 1e-5},
       .names = {.embedding_norm = "",
                 .before_attention = "attention.self_attn_layer_norm",
                 .attention_norm = "",
                 .before_mlp = "LayerNorm",
                 .mlp_norm = "",
                 .final_norm = "encoder.LayerNorm"},
       .prefix = "roberta.",
       .first_position = position_behind_padding(source.config, kPositions),
       .type_vocab_size = 1,
       .max_position_embeddings = kPositions});
}

}  // namespace abstractllm::models
