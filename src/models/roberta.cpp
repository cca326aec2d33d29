// RoBERTa, XLM-RoBERTa and CamemBERT: BERT whose positions are counted from
// behind the padding token's id on.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/bert.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_roberta(const ModelSource& source) {
  const auto padding = source.config.find_int("pad_token_id").value_or(1);
  const int positions = require_size(source.config, "max_position_embeddings");
  if (padding < 0 || padding + 1 >= positions) {
    throw ModelLoadingError("[config] pad_token_id is " +
                            std::to_string(padding) +
                            ", expected less than max_position_embeddings (" +
                            std::to_string(positions) + ")");
  }
  return make_bert_like(source,
                        {.fields = {},
                         .names = {},
                         .prefix = "roberta.",
                         .first_position = static_cast<int>(padding) + 1});
}

}  // namespace abstractllm::models
