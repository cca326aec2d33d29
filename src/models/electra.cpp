// ELECTRA: BERT whose embeddings have a size of their own.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/bert.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_electra(const ModelSource& source) {
  return make_bert_like(
      source, {.fields = {.embedding_size = "embedding_size"},
               .names = {.embedding_projection = "embeddings_project"},
               .prefix = "electra."});
}

}  // namespace abstractllm::models
