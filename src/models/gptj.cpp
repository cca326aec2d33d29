// GPT-J: both halves of a layer side by side, the first values of each head
// rotated in neighbouring pairs.
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "abstractllm/error.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/gpt2.h"

namespace abstractllm::models {

namespace {

int rotated_dims(const io::JsonConfig& config, int head_dim) {
  const int dims = size_or(config, "rotary_dim", head_dim);
  if (dims <= head_dim && dims % 2 == 0) return dims;
  throw ModelLoadingError("[config] rotary_dim is " + std::to_string(dims) +
                          ", expected an even number up to head_dim (" +
                          std::to_string(head_dim) + ")");
}

// mlx-lm writes another one.
std::string find_prefix(const WeightReader& weights) {
  return weights.has_matrix("model.wte") ? "model." : "transformer.";
}

}  // namespace

std::unique_ptr<Model> make_gptj(const ModelSource& source) {
  DenseConfig config = read_gpt2_config(source.config);
  config.rope =
      plain_rope({.dims = rotated_dims(source.config, config.head_dim),
                  .interleaved = true});
  const WeightReader reader(source.weights, source.backend);
  DenseTraits traits{.norm = ops::NormKind::kLayer,
                     .names = gpt2_names(find_prefix(reader))};
  traits.names.attention = "attn.";
  traits.names.output = "out_proj";
  traits.names.before_mlp = "ln_1";
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_plain_mlp(weights, config, prefix + "mlp.fc_in",
                          prefix + "mlp.fc_out", std::move(frame));
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (DecoderLayer& layer : parts.layers) layer.parallel = true;
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
