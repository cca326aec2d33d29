// GLM 4.7 Flash: DeepSeek 3's latent attention and experts.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_glm4_moe_lite(const ModelSource& source) {
  DeepseekRouting routing = kDeepseek3Routing;
  routing.scale = 1.8f;
  routing.first_sparse = 1;
  routing.norm_eps = 1e-5;
  return make_deepseek(source, routing);
}

}  // namespace abstractllm::models
