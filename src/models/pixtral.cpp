// Pixtral: LLaVA over a tower of its own; converted checkpoints name it so.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_pixtral(const ModelSource& source) {
  return make_language_model(source);
}

}  // namespace abstractllm::models
