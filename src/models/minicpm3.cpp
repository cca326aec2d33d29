// MiniCPM 3: DeepSeek's latent attention without experts, MiniCPM's
// multipliers. SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/deepseek.h"
#include "models/common/minicpm.h"

namespace abstractllm::models {

namespace {

io::JsonConfig with_defaults(io::JsonConfig config) {
  constexpr std::pair<const char*, const char*> kDefaults[] = {
      {"scale_emb", "12"}, {"scale_depth", "1.4"}, {"dim_model_base", "256"}};
  for (const auto& [field, value] : kDefaults) {
    if (config.has(field) || config.is_null(field)) continue;
    config = config.with_field(field, value);
  }
  return config;
}

}  // namespace

std::unique_ptr<Model> make_minicpm3(const ModelSource& source) {
  const LatentSizes sizes = read_latent_sizes(source.config);
  const DenseConfig config = read_dense_config(
      source.config, {.rope = {.dims = sizes.rotated}, .norm_eps_value = 1e-5});
  DenseTraits traits;
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int /*index*/, ops::ResidualFrame frame) -> Mixer {
    return read_latent_attention(weights, config, sizes, prefix + "self_attn.",
                                 std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  apply_minicpm_multipliers(with_defaults(source.config), config, parts);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
