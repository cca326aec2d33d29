// Config and construction of the Gemma families.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/gemma.h"

#include <cmath>
#include <string>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

DenseConfig read_gemma_config(const io::JsonConfig& config,
                              const DenseDefaults& defaults) {
  DenseConfig read = read_dense_config(config, defaults);
  read.activation =
      read_activation(config, "hidden_activation", "gelu_pytorch_tanh");
  return read;
}

DecoderParts read_gemma_parts(const ModelSource& source,
                              const DenseConfig& config, GemmaNorms norms,
                              HeadNorm query_key_norm) {
  DenseTraits traits{.query_key_norm = query_key_norm, .norm_offset = 1};
  if (norms != GemmaNorms::kLlama) {
    traits.names.before_mlp = "pre_feedforward_layernorm";
  }
  if (norms == GemmaNorms::kAround) {
    traits.names.after_attention = "post_attention_layernorm";
    traits.names.after_mlp = "post_feedforward_layernorm";
  }
  DecoderParts parts = read_dense_parts(source, config, traits);
  parts.embedding_scale = std::sqrt(static_cast<float>(config.hidden_size));
  return parts;
}

GemmaRopes read_gemma_ropes(const io::JsonConfig& config, int dims) {
  constexpr double kLocalTheta = 10000;
  constexpr double kGlobalTheta = 1000000;
  const auto parameters = config.find_object("rope_parameters");
  if (parameters && parameters->is_object("full_attention")) {
    const auto kind = [&](const char* name, double theta) {
      return read_rope_parameters(config, parameters->require_object(name),
                                  {.theta = theta, .dims = dims});
    };
    return {kind("sliding_attention", kLocalTheta),
            kind("full_attention", kGlobalTheta)};
  }
  const double local =
      config.find_number("rope_local_base_freq").value_or(kLocalTheta);
  return {plain_rope({.theta = local, .dims = dims}),
          read_rope(config, {.theta = kGlobalTheta, .dims = dims})};
}

int gemma_key_layer(const std::vector<int>& windows, int own_layers,
                    int index) {
  if (index < own_layers) return index;
  const auto slides = [&](int i) {
    return windows[static_cast<std::size_t>(i)] > 0;
  };
  for (int i = own_layers - 1; i >= 0; --i) {
    if (slides(i) == slides(index)) return i;
  }
  throw ModelLoadingError("[config] layer " + std::to_string(index) +
                          " has no layer of its kind to share keys with");
}

int read_own_layers(const io::JsonConfig& config, int layers, int otherwise) {
  const auto own =
      layers - config.find_int("num_kv_shared_layers").value_or(otherwise);
  if (own >= 1 && own <= layers) return static_cast<int>(own);
  throw ModelLoadingError(
      "[config] num_kv_shared_layers leaves " + std::to_string(own) + " of " +
      std::to_string(layers) + " layers with keys of their own");
}

ops::AttentionBlock read_reusing_attention(const WeightReader& weights,
                                           const DenseConfig& config,
                                           const std::string& module, int index,
                                           ops::ResidualFrame frame) {
  for (const char* name : {"k_proj", "v_proj", "k_norm", "v_norm"}) {
    for (const char* part : {".weight", ".scales", ".biases", ".bias"}) {
      weights.source().find_tensor(module + name + part);
    }
  }
  const int width = config.num_attention_heads * config.head_dim;
  const ops::Linear query = weights.linear(
      module + "q_proj", width, config.hidden_size, Bias::kIfPresent);
  return {.frame = std::move(frame),
          .spec =
              ops::AttentionSpec{
                  .heads = config.num_attention_heads,
                  .kv_heads = config.num_key_value_heads,
                  .head_dim = config.head_dim,
                  .window = config.windows[static_cast<std::size_t>(index)],
                  .bidirectional = config.bidirectional,
                  .rope = {}},
          .query = query,
          .key = query,
          .value = query,
          .output = weights.linear(module + "o_proj", config.hidden_size, width,
                                   Bias::kIfPresent),
          .query_norm = weights.norm(ops::NormKind::kRms, module + "q_norm",
                                     config.head_dim, config.norm_eps),
          .reuses_cache = true};
}

void apply_gemma_caps(const io::JsonConfig& config, DecoderParts& parts) {
  parts.logit_softcap =
      number_unless_null(config, "final_logit_softcapping", 30);
  edit_attention(parts, [&](int /*index*/, ops::AttentionBlock& block) {
    block.spec.scale = gemma_score_scale(config);
    block.spec.softcap =
        number_unless_null(config, "attn_logit_softcapping", 50);
  });
}

float gemma_score_scale(const io::JsonConfig& config) {
  return 1.0f / std::sqrt(number_or(config, "query_pre_attn_scalar", 256));
}

}  // namespace abstractllm::models
