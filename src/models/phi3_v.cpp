// Phi 3 and 3.5 vision: Phi 3 as it is, its config flat.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/vision_language.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_phi3_v(const ModelSource& source) {
  return make_language_model(source);
}

}  // namespace abstractllm::models
