// Llama 1 to 3.x and its fine-tunes; biases where the checkpoint has them.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_llama(const ModelSource& source) {
  const DenseConfig config = read_dense_config(source.config);
  return make_decoder(read_dense_parts(source, config, {}));
}

}  // namespace abstractllm::models
