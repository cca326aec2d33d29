// Command R and Aya.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/cohere.h"

#include "models/architectures.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_cohere(const ModelSource& source) {
  const DenseConfig config =
      read_cohere_config(source.config, {.rope = {.theta = 500000}});
  return make_decoder(read_cohere_parts(source, config));
}

}  // namespace abstractllm::models
