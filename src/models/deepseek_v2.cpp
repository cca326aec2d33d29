// DeepSeek 2 and its Lite and Coder forms.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/deepseek.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_deepseek_v2(const ModelSource& source) {
  // Neither transformers nor mlx-lm heeds norm_topk_prob here; published models
  // have it off.
  return make_deepseek(source, {.has_methods = true, .may_normalise = false});
}

}  // namespace abstractllm::models
