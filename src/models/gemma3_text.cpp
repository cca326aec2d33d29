// Gemma 3's language model: five layers with a window and unscaled rotation to
// one that sees all.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/gemma.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_gemma3_text(const ModelSource& source) {
  DenseConfig config =
      read_gemma_config(source.config, {.sliding_window_pattern = 6,
                                        .head_dim = kGemmaHeadDim,
                                        .sliding_window = kGemmaWindow});
  if (config.bidirectional) {
    // The window counts both sides together.
    for (int& window : config.windows) {
      if (window > 0) window = window / 2 + 1;
    }
  }
  const GemmaRopes ropes = read_gemma_ropes(source.config, config.head_dim);
  DecoderParts parts = read_gemma_parts(source, config, GemmaNorms::kAround,
                                        HeadNorm::kEachHead);
  parts.logit_softcap = number_or(source.config, "final_logit_softcapping", 0);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    block.spec.scale = gemma_score_scale(source.config);
    block.spec.rope = config.windows[index] > 0 ? ropes.local : ropes.global;
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
