// Qwen2-VL: Qwen 2 with images placed in time, height and width.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_qwen2_vl(const ModelSource& source) {
  return make_language_model(source);
}

}  // namespace abstractllm::models
