// Gemma 1 and CodeGemma.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/gemma.h"

#include "models/architectures.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_gemma(const ModelSource& source) {
  const DenseConfig config = read_gemma_config(source.config);
  return make_decoder(read_gemma_parts(source, config, /* around = */ false));
}

}  // namespace abstractllm::models
