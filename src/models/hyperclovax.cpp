// HyperCLOVA X SEED Think: Granite's multipliers, norms before and behind the
// halves of a layer.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/granite.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_hyperclovax(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_dense_config(fields);
  DenseTraits traits;
  if (flag_or(fields, "use_post_norm", true)) {
    traits.names.after_attention = "post_norm1";
    traits.names.after_mlp = "post_norm2";
  }
  DecoderParts parts = read_dense_parts(source, config, traits);
  std::vector<float> scales;
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    scales.push_back(block.spec.scale);
  });
  apply_granite_multipliers(fields, parts);
  // Here the logits are multiplied, and the scores are as everywhere where the
  // config does not say.
  parts.logit_scale = number_or(fields, "logits_scaling", 1);
  if (!fields.has("attention_multiplier")) {
    edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
      block.spec.scale = scales[static_cast<std::size_t>(index)];
    });
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
