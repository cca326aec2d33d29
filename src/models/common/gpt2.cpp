// Reading of GPT-2's configs.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/gpt2.h"

#include <cmath>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

DenseConfig read_gpt2_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "n_embd");
  read.intermediate_size = size_or(config, "n_inner", 4 * read.hidden_size);
  read.num_hidden_layers = require_size(config, "n_layer");
  read.num_attention_heads = require_size(config, "n_head");
  read.num_key_value_heads = read.num_attention_heads;
  if (read.hidden_size % read.num_attention_heads != 0) {
    throw ModelLoadingError("[config] n_embd (" +
                            std::to_string(read.hidden_size) +
                            ") is no multiple of n_head (" +
                            std::to_string(read.num_attention_heads) + ")");
  }
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  read.activation =
      read_activation(config, "activation_function", "gelu_pytorch_tanh");
  read.windows.assign(read.num_hidden_layers, 0);
  return read;
}

float gpt2_score_scale(const io::JsonConfig& config, const DenseConfig& sizes) {
  const bool scaled = flag_or(config, "scale_attn_weights", true);
  return scaled ? 1.0f / std::sqrt(static_cast<float>(sizes.head_dim)) : 1.0f;
}

DenseNames gpt2_names(const std::string& prefix) {
  DenseNames names;
  names.embedding = prefix + "wte";
  names.layers = prefix + "h.";
  names.final_norm = prefix + "ln_f";
  names.before_attention = "ln_1";
  names.before_mlp = "ln_2";
  return names;
}

ops::Linear read_gpt2_positions(const ModelSource& source,
                                const DenseConfig& sizes,
                                const std::string& prefix) {
  return WeightReader(source.weights, source.backend)
      .linear(prefix + "wpe", require_size(source.config, "n_positions"),
              sizes.hidden_size, Bias::kNone);
}

}  // namespace abstractllm::models
