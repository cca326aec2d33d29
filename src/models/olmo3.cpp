// OLMo 3: OLMo 2 with windows in three layers of four, which turn without the
// scaling of the fourth.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_olmo3(const ModelSource& source) {
  DenseConfig config =
      read_dense_config(source.config, {.rope = {.theta = 500000},
                                        .sliding_window_pattern = 4,
                                        .norm_eps_value = 1e-5,
                                        .sliding_window = 4096});
  // transformers takes rope_theta for the layers that see all alone; published
  // models have this base in both.
  const RopeDefaults defaults{.theta = 500000, .dims = config.head_dim};
  const ops::RopeTable local =
      find_layer_rope(source.config, "sliding_attention", defaults)
          .value_or(plain_rope(defaults));
  const ops::RopeTable global =
      find_layer_rope(source.config, "full_attention", defaults)
          .value_or(config.rope);
  DenseTraits traits{.query_key_norm = HeadNorm::kAllHeads};
  put_norms_behind(traits.names);
  DecoderParts parts = read_dense_parts(source, config, traits);
  edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
    block.spec.rope = config.windows[index] > 0 ? local : global;
  });
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
