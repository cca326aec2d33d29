// Config and construction of the Gemma families.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/gemma.h"

#include <cmath>

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
                              const DenseConfig& config, bool around,
                              HeadNorm query_key_norm) {
  DenseTraits traits{.query_key_norm = query_key_norm, .norm_offset = 1};
  if (around) {
    traits.names.after_attention = "post_attention_layernorm";
    traits.names.before_mlp = "pre_feedforward_layernorm";
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

float gemma_score_scale(const io::JsonConfig& config) {
  return 1.0f / std::sqrt(number_or(config, "query_pre_attn_scalar", 256));
}

}  // namespace abstractllm::models
