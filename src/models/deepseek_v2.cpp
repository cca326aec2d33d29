// DeepSeek 2 and its Lite and Coder forms.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_deepseek_v2(const ModelSource& source) {
  return make_deepseek(source, {});
}

}  // namespace abstractllm::models
