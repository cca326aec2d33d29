// GLM 4.7 Flash: DeepSeek 3's latent attention and experts.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_glm4_moe_lite(const ModelSource& source) {
  return make_deepseek(source,
                       {.score = ops::RouterScore::kSigmoid,
                        .group_score = ops::GroupScore::kSumOfTwoLargest,
                        .scale_normalised = true,
                        .scale = 1.8f,
                        .normalise = true,
                        .first_sparse = 1,
                        .norm_eps = 1e-5});
}

}  // namespace abstractllm::models
