// GLM 4 9B of 2024 and GLM Edge: Llama rotated in neighbouring pairs over half
// of a head, with gate and up fused.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_glm(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.rope = {.interleaved = true},
                                        .partial_rotary_factor = 0.5,
                                        .norm_eps_value = 1.5625e-07,
                                        .head_dim = 128});
  return make_decoder(
      read_dense_parts(source, config, {.fused_gate_up = true}));
}

}  // namespace abstractllm::models
