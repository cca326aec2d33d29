// Code World Model: Llama with a window in three layers of four, the first of
// which sees all.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

constexpr char kRopeScaling[] =
    R"({"rope_type": "llama3", "rope_theta": 1000000.0, "factor": 16.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 8192})";

}  // namespace

std::unique_ptr<Model> make_cwm(const ModelSource& source) {
  DenseConfig config =
      read_dense_config(with_default_rope_scaling(source.config, kRopeScaling),
                        {.rope = {.theta = 1000000},
                         .norm_eps_value = 1e-5,
                         .head_dim = 128,
                         .sliding_window = 8192});
  if (!source.config.has("layer_types")) {
    for (std::size_t i = 0; i < config.windows.size(); i += 4) {
      config.windows[i] = 0;
    }
  }
  return make_decoder(read_dense_parts(source, config, {}));
}

}  // namespace abstractllm::models
