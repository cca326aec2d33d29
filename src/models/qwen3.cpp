// Qwen 3: Llama with a norm over each head of q and k.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_qwen3(const ModelSource& source) {
  DenseConfig config = read_dense_config(source.config, {.head_dim = 128});
  if (!flag_or(source.config, "use_sliding_window", false)) {
    config.windows.assign(config.windows.size(), 0);
  }
  return make_decoder(read_dense_parts(
      source, config, {.query_key_norm = HeadNorm::kEachHead}));
}

}  // namespace abstractllm::models
