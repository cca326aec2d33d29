// Config and construction of the Cohere families.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/cohere.h"

#include "models/common/config_fields.h"

namespace abstractllm::models {

DenseConfig read_cohere_config(const io::JsonConfig& config,
                               DenseDefaults defaults) {
  defaults.rope.interleaved = true;
  defaults.norm_eps = "layer_norm_eps";
  defaults.norm_eps_value = 1e-5;
  return read_dense_config(config, defaults);
}

DecoderParts read_cohere_parts(const ModelSource& source,
                               const DenseConfig& config) {
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  if (source.config.find_bool("use_qk_norm").value_or(false)) {
    traits.query_key_norm = HeadNorm::kOwn;
    traits.query_key_norm_kind = ops::NormKind::kLayer;
  }
  traits.names.before_mlp = "input_layernorm";
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (DecoderLayer& layer : parts.layers) layer.parallel = true;
  parts.logit_scale = number_or(source.config, "logit_scale", 0.0625);
  return parts;
}

}  // namespace abstractllm::models
