// DeepSeek 3 and R1: experts by sigmoids, corrected for an even load.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_deepseek_v3(const ModelSource& source) {
  return make_deepseek(source, kDeepseek3Routing);
}

}  // namespace abstractllm::models
