// Nemotron 3, 4 and Minitron: layer norms stored less one, squared ReLU without
// a gate, half of a head rotated.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_nemotron(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.partial_rotary_factor = 0.5,
                                        .norm_eps = "norm_eps",
                                        .norm_eps_value = 1e-5,
                                        .activation_name = "relu2"});
  DenseTraits traits{.norm = ops::NormKind::kLayer, .norm_offset = 1};
  traits.names.gate = "";
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
