// EXAONE 4: norms behind each half and of each head; where some layers have a
// window, the others do not rotate.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_exaone4(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.sliding_window_pattern = 4,
                                        .norm_eps_value = 1e-5,
                                        .sliding_window = 4096});
  DenseTraits traits{.query_key_norm = HeadNorm::kEachHead};
  put_norms_behind(traits.names);
  DecoderParts parts = read_dense_parts(source, config, traits);
  const bool hybrid = !source.config.is_null("sliding_window");
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    if (hybrid && config.windows[index] == 0) block.spec.rope = {};
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
