// Helium: Llama with rotation in neighbouring pairs.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_helium(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.rope = {.theta = 100000, .interleaved = true}});
  return make_decoder(read_dense_parts(source, config, {}));
}

}  // namespace abstractllm::models
