// GPT-J: both halves of a layer side by side, the first values of each head
// rotated in neighbouring pairs.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/gpt2.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_gptj(const ModelSource& source) {
  DenseConfig config = read_gpt2_config(source.config);
  config.rope = plain_rope({.dims = checked_rotary_dim(
                                source.config.is_null("rotary_dim")
                                    ? config.head_dim
                                    : size_or(source.config, "rotary_dim", 64),
                                config.head_dim),
                            .interleaved = true});
  // mlx-lm writes another prefix than published files have.
  const WeightReader reader(source.weights, source.backend);
  DenseTraits traits{
      .norm = ops::NormKind::kLayer,
      .names = gpt2_names(reader.prefix_of("wte", {"model."}, "transformer."))};
  traits.names.attention = "attn.";
  traits.names.output = "out_proj";
  traits.names.before_mlp = "ln_1";
  traits.feed_forward = plain_mlps(config, "mlp.fc_in", "mlp.fc_out");
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (DecoderLayer& layer : parts.layers) layer.parallel = true;
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
