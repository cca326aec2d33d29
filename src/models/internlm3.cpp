// InternLM 3: Llama's shape and names.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_internlm3(const ModelSource& source) {
  return make_decoder(read_dense_parts(
      source,
      read_dense_config(source.config,
                        {.norm_eps_value = 1e-5, .head_dim = 128}),
      {}));
}

}  // namespace abstractllm::models
