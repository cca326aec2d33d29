// Construction of the Hunyuan families.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/hunyuan.h"

#include "io/json_config.h"

namespace abstractllm::models {

DecoderParts read_hunyuan_parts(const ModelSource& source,
                                const DenseConfig& config, DenseTraits traits) {
  if (source.config.find_bool("use_qk_norm").value_or(true)) {
    traits.query_key_norm = HeadNorm::kEachHead;
  }
  traits.names.query_norm = "query_layernorm";
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
