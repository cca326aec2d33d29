// LLaVA-NeXT: LLaVA over an overview and crops.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_llava_next(const ModelSource& source) {
  return make_language_model(source);
}

}  // namespace abstractllm::models
