// MiniCPM 1, 2 and 4: Llama with multipliers of embeddings, branches and
// logits.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/minicpm.h"

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/moe_layers.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_minicpm(const ModelSource& source) {
  if (count_experts(source.config) > 0) {
    throw ModelLoadingError(
        "[config] num_experts is set, but MiniCPM with "
        "experts is not supported",
        "The dense models of this family are.");
  }
  const DenseConfig config = read_dense_config(source.config);
  DecoderParts parts = read_dense_parts(source, config, {});
  apply_minicpm_multipliers(source.config, config, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
