// data2vec for text: RoBERTa under another name.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/bert.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_data2vec_text(const ModelSource& source) {
  return make_bert_like(
      source, {.fields = {},
               .names = {},
               .prefix = "data2vec_text.",
               .first_position = position_behind_padding(source.config)});
}

}  // namespace abstractllm::models
