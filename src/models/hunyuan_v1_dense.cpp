// Hunyuan dense (0.5B to 7B).
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/hunyuan.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_hunyuan_v1_dense(const ModelSource& source) {
  return make_decoder(read_hunyuan_parts(
      source, read_dense_config(source.config, {.norm_eps_value = 1e-5}), {}));
}

}  // namespace abstractllm::models
