// Construction of the Hunyuan families.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/hunyuan.h"

#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

DecoderParts read_hunyuan_parts(const ModelSource& source,
                                const DenseConfig& config, DenseTraits traits) {
  traits.names.query_norm = "query_layernorm";
  // transformers has them always, whatever use_qk_norm says.
  const WeightReader weights(source.weights, source.backend);
  if (source.config.find_bool("use_qk_norm").value_or(true) ||
      weights.has_vector(traits.names.layers + "0." + traits.names.attention +
                         traits.names.query_norm + ".weight")) {
    traits.query_key_norm = HeadNorm::kEachHead;
  }
  traits.names.key_norm = "key_layernorm";
  DecoderParts parts = read_dense_parts(source, config, traits);
  edit_attention(parts, [](int /*index*/, ops::AttentionBlock& block) {
    block.spec.rotated_query_norm = std::move(block.query_norm);
    block.spec.rotated_key_norm = std::move(block.key_norm);
    block.query_norm.reset();
    block.key_norm.reset();
  });
  return parts;
}

}  // namespace abstractllm::models
