// Gemma 2: norms around each half, capped scores and logits, every other layer
// with a window.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/gemma.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_gemma2(const ModelSource& source) {
  const DenseConfig config =
      read_gemma_config(source.config, {.sliding_window_pattern = 2,
                                        .head_dim = kGemmaHeadDim,
                                        .sliding_window = kGemmaWindow});
  DecoderParts parts = read_gemma_parts(source, config, /* around = */ true);
  parts.logit_softcap =
      number_unless_null(source.config, "final_logit_softcapping", 30);
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.spec.scale = gemma_score_scale(source.config);
    block.spec.softcap =
        number_unless_null(source.config, "attn_logit_softcapping", 50);
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
