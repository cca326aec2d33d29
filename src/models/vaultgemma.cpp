// VaultGemma: Gemma 2 without the norms behind each half.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/gemma.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_vaultgemma(const ModelSource& source) {
  const DenseConfig config =
      read_gemma_config(source.config, {.sliding_window_pattern = 2,
                                        .head_dim = kGemmaHeadDim,
                                        .sliding_window = kGemmaWindow});
  DecoderParts parts = read_gemma_parts(source, config, GemmaNorms::kBefore);
  apply_gemma_caps(source.config, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
