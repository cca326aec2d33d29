// Youtu-LLM: DeepSeek's latent attention without experts.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_youtu(const ModelSource& source) {
  return make_deepseek(source, {});
}

}  // namespace abstractllm::models
