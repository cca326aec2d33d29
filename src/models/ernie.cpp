// ERNIE 2 and 3: BERT that also adds the type of the task.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "mlx/ops.h"
#include "models/architectures.h"
#include "models/common/bert.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_ernie(const ModelSource& source) {
  EncoderParts parts = read_bert_parts(source, {.prefix = "ernie."});
  if (source.config.find_bool("use_task_id").value_or(false)) {
    const WeightReader weights(source.weights, source.backend);
    const std::string module = "embeddings.task_type_embeddings";
    parts.token_type =
        *parts.token_type +
        read_token_type(weights,
                        find_prefix(weights, module, {"", "ernie."}) + module,
                        size_or(source.config, "task_type_vocab_size", 3),
                        parts.embedding.inputs());
  }
  return make_encoder(std::move(parts));
}

}  // namespace abstractllm::models
