// BERT, and the many embedding models in its shape.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/bert.h"

#include "models/architectures.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_bert(const ModelSource& source) {
  return make_bert_like(source, {.fields = {}, .names = {}, .prefix = "bert."});
}

}  // namespace abstractllm::models
