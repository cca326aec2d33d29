// Gemma 3 with images: the tokens of an image see each other both ways.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_gemma3(const ModelSource& source) {
  return make_language_model(source, PromptSight::kImages);
}

}  // namespace abstractllm::models
