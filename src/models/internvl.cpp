// InternVL: the text model that its config names, mostly Qwen 2 or 3.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_internvl(const ModelSource& source) {
  return make_language_model(source);
}

}  // namespace abstractllm::models
