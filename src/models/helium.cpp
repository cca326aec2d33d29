// Helium: Llama with rotation in neighbouring pairs.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_helium(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.rope = {.theta = 100000, .interleaved = true},
                      .norm_eps_value = 1e-8,
                      .head_dim = 128});
  return make_decoder(read_dense_parts(source, config, {}));
}

}  // namespace abstractllm::models
