// PaliGemma: image and prompt see each other both ways.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_paligemma(const ModelSource& source) {
  return make_language_model(source, PromptSight::kWholePrompt);
}

}  // namespace abstractllm::models
