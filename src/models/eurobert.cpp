// EuroBERT: Llama's layers, in which every token sees those behind it, too.
// SPDX-License-Identifier: Apache-2.0
#include "models/architectures.h"
#include "models/common/dense_decoder.h"
#include "models/common/encoder.h"

namespace abstractllm::models {

std::unique_ptr<Model> make_eurobert(const ModelSource& source) {
  DenseConfig config =
      read_dense_config(source.config, {.norm_eps_value = 1e-5});
  config.bidirectional = true;
  const WeightReader weights(source.weights, source.backend);
  const std::string prefix =
      find_prefix(weights, "embed_tokens", {"", "model."});
  const auto norm = [&](const std::string& module) {
    return weights.norm(ops::NormKind::kRms, module, config.hidden_size,
                        config.norm_eps);
  };
  const DenseTraits traits;
  EncoderParts parts{
      .embedding = weights.linear(prefix + "embed_tokens", config.vocab_size,
                                  config.hidden_size, Bias::kNone)};
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const std::string layer = prefix + "layers." + std::to_string(i) + ".";
    parts.layers.push_back(
        {.attention = read_attention(
             weights, config, traits, layer + "self_attn.", i,
             {.before = norm(layer + traits.names.before_attention)}),
         .mlp = read_gated_mlp(
             weights, config, traits, layer + "mlp.",
             {.before = norm(layer + traits.names.before_mlp)})});
    if (source.on_progress) {
      source.on_progress((i + 1.0) / config.num_hidden_layers);
    }
  }
  parts.final_norm = norm(prefix + "norm");
  skip_heads(source.weights, prefix, {"lm_head.", "dense.", "classifier."});
  return make_encoder(std::move(parts));
}

}  // namespace abstractllm::models
