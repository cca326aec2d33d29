// MiniCPM 3: DeepSeek's latent attention without experts, MiniCPM's
// multipliers. SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/deepseek.h"
#include "models/common/minicpm.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_minicpm3(const ModelSource& source) {
  const LatentSizes sizes = read_latent_sizes(source.config);
  const DenseConfig config =
      read_dense_config(source.config, {.rope = {.dims = sizes.rotated}});
  DenseTraits traits;
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int /*index*/, ops::ResidualFrame frame) -> Mixer {
    return read_latent_attention(weights, config, sizes, prefix + "self_attn.",
                                 std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  apply_minicpm_multipliers(source.config, config, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
