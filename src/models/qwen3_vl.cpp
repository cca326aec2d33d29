// Qwen3-VL: Qwen 3 with images placed in time, height and width, and
// features of the tower's layers added to its first ones.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_qwen3_vl(const ModelSource& source) {
  return make_language_model(source);
}

}  // namespace abstractllm::models
