// Gemma 1 and CodeGemma.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/gemma.h"

#include "models/architectures.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_gemma(const ModelSource& source) {
  DenseConfig config =
      read_gemma_config(source.config, {.head_dim = kGemmaHeadDim});
  // The first configs say "gelu" and mean its approximation.
  const bool names_it = source.config.has("hidden_activation");
  if (!names_it && source.config.find_string("hidden_act") != "gelu") {
    config.activation =
        read_activation(source.config, "hidden_act", "gelu_pytorch_tanh");
  }
  return make_decoder(read_gemma_parts(source, config, GemmaNorms::kLlama));
}

}  // namespace abstractllm::models
