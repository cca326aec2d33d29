// Persimmon and Fuyu's language model: squared ReLU, layer norms of queries and
// keys, half of a head rotated.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_persimmon(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.partial_rotary_factor = 0.5,
                                        .norm_eps = "layer_norm_eps",
                                        .norm_eps_value = 1e-5,
                                        .activation_name = "relu2"});
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  if (flag_or(source.config, "qk_layernorm", true)) {
    traits.query_key_norm = HeadNorm::kEachHead;
    traits.query_key_norm_kind = ops::NormKind::kLayer;
  }
  traits.names.final_norm = "model.final_layernorm";
  traits.names.output = "dense";
  traits.names.query_norm = "q_layernorm";
  traits.names.key_norm = "k_layernorm";
  join_heads(config, traits);
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
