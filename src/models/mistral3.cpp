// Mistral 3: Mistral over Pixtral's tower.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_mistral3(const ModelSource& source) {
  return make_language_model(source);
}

}  // namespace abstractllm::models
