// GLM 4 (0414): norms around each half, half of a head rotated in neighbouring
// pairs.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_glm4(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.rope = {.interleaved = true},
                                        .partial_rotary_factor = 0.5,
                                        .norm_eps_value = 1.5625e-07,
                                        .head_dim = 128});
  DenseTraits traits{.fused_gate_up = true};
  traits.names.after_attention = "post_self_attn_layernorm";
  traits.names.after_mlp = "post_mlp_layernorm";
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
