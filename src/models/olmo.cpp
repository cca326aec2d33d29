// OLMo 1: layer norms without weights, projections cut to a range.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_olmo(const ModelSource& source) {
  DenseConfig config = read_dense_config(source.config);
  config.norm_eps = 1e-5f;  // whatever the config says
  DecoderParts parts = read_dense_parts(
      source, config, {.norm = ops::NormKind::kLayer, .norm_weights = false});
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.clip = number_or(source.config, "clip_qkv", 0);
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
