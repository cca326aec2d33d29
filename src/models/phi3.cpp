// Phi 3, 3.5 and 4 (mini): fused projections, longrope, a partial rotation.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_phi3(const ModelSource& source) {
  const DenseConfig config = read_dense_config(
      source.config, {.rotates_part = true, .norm_eps_value = 1e-5});
  DecoderParts parts = read_dense_parts(
      source, config, {.fused_query_key_value = true, .fused_gate_up = true});
  parts.starts_anew = true;
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
