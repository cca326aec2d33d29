// Granite 3 and 4 dense: Llama with a multiplier on each branch.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_granite(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  DecoderParts parts = read_dense_parts(source, config, {});
  parts.embedding_scale = number_or(source.config, "embedding_multiplier", 1);
  parts.logit_scale = 1.0f / number_or(source.config, "logits_scaling", 1);
  const float residual = number_or(source.config, "residual_multiplier", 1);
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.spec.scale = number_or(source.config, "attention_multiplier", 1);
    block.frame.scale = residual;
  });
  for (DecoderLayer& layer : parts.layers) {
    std::get<ops::MlpBlock>(layer.feed_forward).frame.scale = residual;
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
