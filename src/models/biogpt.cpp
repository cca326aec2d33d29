// BioGPT: learned positions that begin at the third row, scaled embeddings.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/fairseq.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_biogpt(const ModelSource& source) {
  DenseConfig config =
      fairseq_config(source.config, "num_hidden_layers", "num_attention_heads",
                     "hidden_size", "intermediate_size");
  config.activation = read_activation(source.config, "hidden_act", "gelu");
  DenseNames names = fairseq_names("biogpt.");
  names.final_norm = "biogpt.layer_norm";
  names.head = "output_projection";
  DecoderParts parts = read_fairseq_parts(source, config, {.names = names});
  parts.positions =
      read_fairseq_positions(source, config, "biogpt.embed_positions", 1024);
  if (flag_or(source.config, "scale_embedding", true)) {
    parts.embedding_scale = std::sqrt(static_cast<float>(config.hidden_size));
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
