// DeepSeek 3.2: DeepSeek 3 with sparse attention.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_deepseek_v32(const ModelSource& source) {
  return make_deepseek(source, deepseek32_routing(), IndexerRope::kHalves);
}

}  // namespace abstractllm::models
