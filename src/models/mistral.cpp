// Mistral 7B and Nemo, h2o-danube: Llama with a sliding window.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_mistral(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.sliding_window = 4096});
  return make_decoder(read_dense_parts(source, config, {}));
}

}  // namespace abstractllm::models
