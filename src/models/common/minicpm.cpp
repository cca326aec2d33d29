// MiniCPM's multipliers, written into finished parts.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/minicpm.h"

#include <cmath>

#include "models/common/config_fields.h"

namespace abstractllm::models {

void apply_minicpm_multipliers(const io::JsonConfig& config,
                               const DenseConfig& sizes, DecoderParts& parts) {
  const auto layers = static_cast<float>(sizes.num_hidden_layers);
  const auto hidden = static_cast<float>(sizes.hidden_size);
  const float branch =
      number_or(config, "scale_depth", std::sqrt(layers)) / std::sqrt(layers);
  parts.embedding_scale = number_or(config, "scale_emb", 1);
  parts.logit_scale = number_or(config, "dim_model_base", hidden) / hidden;
  for (DecoderLayer& layer : parts.layers) {
    if (auto* block = std::get_if<ops::AttentionBlock>(&layer.mixer)) {
      block->frame.scale = branch;
    }
    if (auto* block = std::get_if<ops::LatentAttentionBlock>(&layer.mixer)) {
      block->frame.scale = branch;
    }
    std::get<ops::MlpBlock>(layer.feed_forward).frame.scale = branch;
  }
}

}  // namespace abstractllm::models
