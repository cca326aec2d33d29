// RoBERTa with norms before the halves of a layer.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/bert.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_roberta_prelayernorm(const ModelSource& source) {
  return make_bert_like(
      source, {.fields = {},
               .names = {.before_attention = "attention.LayerNorm",
                         .attention_norm = "",
                         .before_mlp = "intermediate.LayerNorm",
                         .mlp_norm = "",
                         .final_norm = "LayerNorm"},
               .prefix = "roberta_prelayernorm.",
               .first_position = position_behind_padding(source.config)});
}

}  // namespace abstractllm::models
