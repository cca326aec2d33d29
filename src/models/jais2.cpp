// Jais 2: layer norms, squared ReLU in the place of the gated unit, biases
// everywhere.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_jais2(const ModelSource& source) {
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  traits.names.gate = "";
  return make_decoder(read_dense_parts(
      source,
      read_dense_config(source.config, {.norm_eps = "layer_norm_eps",
                                        .norm_eps_value = 1e-5,
                                        .activation_name = "relu2"}),
      traits));
}

}  // namespace abstractllm::models
