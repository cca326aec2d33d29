// Phi 1, 1.5 and 2: both halves of a layer side by side behind one layer norm,
// a partial rotation, biases everywhere.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_phi(const ModelSource& source) {
  DenseConfig config =
      read_dense_config(source.config, {.partial_rotary_factor = 0.5,
                                        .norm_eps = "layer_norm_eps",
                                        .norm_eps_value = 1e-5,
                                        .activation_name = "gelu_new"});
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  if (source.config.find_bool("qk_layernorm").value_or(false)) {
    traits.query_key_norm = HeadNorm::kEachHead;
    traits.query_key_norm_kind = ops::NormKind::kLayer;
  }
  traits.names.final_norm = "model.final_layernorm";
  traits.names.before_mlp = "input_layernorm";
  traits.names.output = "dense";
  traits.names.query_norm = "q_layernorm";
  traits.names.key_norm = "k_layernorm";
  traits.feed_forward = plain_mlps(config, "mlp.fc1", "mlp.fc2");
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (DecoderLayer& layer : parts.layers) layer.parallel = true;
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
