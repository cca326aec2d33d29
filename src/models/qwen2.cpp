// Qwen 2 and 2.5: Llama with biases on q, k and v.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_qwen2(const ModelSource& source) {
  DenseConfig config = read_dense_config(source.config);
  if (!flag_or(source.config, "use_sliding_window", false)) {
    config.windows.assign(config.windows.size(), 0);
  }
  return make_decoder(read_dense_parts(
      source, config, {.query_key_value_bias = Bias::kRequired}));
}

}  // namespace abstractllm::models
