// RoBERTa, XLM-RoBERTa and CamemBERT: BERT whose positions are counted from
// behind the padding token's id on.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/bert.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_roberta(const ModelSource& source) {
  return make_bert_like(
      source, {.fields = {},
               .names = {},
               .prefix = "roberta.",
               .first_position = position_behind_padding(source.config)});
}

}  // namespace abstractllm::models
