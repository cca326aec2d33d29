// IQuest Coder: Llama's layers with heads of 128.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_iquestcoder(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.norm_eps_value = 1e-5, .head_dim = 128});
  return make_decoder(read_dense_parts(source, config, {}));
}

}  // namespace abstractllm::models
