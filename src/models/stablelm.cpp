// StableLM: layer norms, a partial rotation; StableLM 2 12B with both halves of
// a layer side by side and norms of its own for each head.
// SPDX-License-Identifier: Apache-2.0
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

// The weights of all heads, which are stored one by one.
ops::Norm read_norms(const WeightReader& weights, const std::string& module,
                     int heads, int head_dim, float eps) {
  std::vector<float> all;
  if (weights.has_vector(module + ".weight")) {
    // GGUF files hold them together.
    all = weights.vector(module + ".weight", std::int64_t{heads} * head_dim);
  } else {
    for (int head = 0; head < heads; ++head) {
      const std::vector<float> own = weights.vector(
          module + ".norms." + std::to_string(head) + ".weight", head_dim);
      all.insert(all.end(), own.begin(), own.end());
    }
  }
  return {.kind = ops::NormKind::kLayer,
          .weight = ops::make_vector(weights.backend(), all),
          .bias = std::nullopt,
          .eps = eps,
          .groups = heads,
          .cpu = weights.backend().cpu};
}

}  // namespace

std::unique_ptr<Model> make_stablelm(const ModelSource& source) {
  const DenseConfig config =
      read_dense_config(source.config, {.partial_rotary_factor = 0.25,
                                        .norm_eps = "layer_norm_eps",
                                        .norm_eps_value = 1e-5});
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  const bool parallel =
      source.config.find_bool("use_parallel_residual").value_or(false);
  if (parallel) traits.names.before_mlp = "input_layernorm";
  DecoderParts parts = read_dense_parts(source, config, traits);
  for (DecoderLayer& layer : parts.layers) layer.parallel = parallel;
  if (source.config.find_bool("qk_layernorm").value_or(false)) {
    const WeightReader weights(source.weights, source.backend);
    edit_attention(parts, [&](int index, ops::AttentionBlock& block) {
      const std::string module = traits.names.layers + std::to_string(index) +
                                 "." + traits.names.attention;
      const auto norms = [&](const char* name, int heads) {
        return read_norms(weights, module + name, heads, config.head_dim,
                          config.norm_eps);
      };
      block.query_norm = norms("q_layernorm", config.num_attention_heads);
      block.key_norm = norms("k_layernorm", config.num_key_value_heads);
    });
  }
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
