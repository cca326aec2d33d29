// Ministral 3: Mistral with YaRN, whose queries grow with the position.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_ministral3(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config =
      read_dense_config(fields, {.norm_eps_value = 1e-5, .head_dim = 128});
  DecoderParts parts = read_dense_parts(source, config, {});
  const auto rope = find_rope_scaling(fields);
  if (rope && rope->has("llama_4_scaling_beta")) {
    const float beta = number_or(*rope, "llama_4_scaling_beta", 0);
    const int step = require_size(*rope, "original_max_position_embeddings");
    edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
      block.spec.temperature = beta;
      block.spec.temperature_step = step;
      block.spec.temperature_first = 0;
    });
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
