// OpenELM: layers with heads and units of their own numbers and sizes.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

// The multiple of `divisor` next to `size`, at most a tenth below it.
int divisible(double size, int divisor) {
  int near = std::max(
      divisor, static_cast<int>(size + divisor / 2.0) / divisor * divisor);
  if (near < 0.9 * size) near += divisor;
  return near;
}

template <typename T>
T entry(const std::vector<T>& values, const char* field, int index) {
  if (static_cast<std::size_t>(index) < values.size()) {
    return values[static_cast<std::size_t>(index)];
  }
  throw ModelLoadingError("[config] " + std::string(field) + " has " +
                          std::to_string(values.size()) +
                          " entries, expected one a layer");
}

// What all layers have in common.
DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "model_dim");
  read.num_hidden_layers = require_size(config, "num_transformer_layers");
  read.head_dim = require_size(config, "head_dim");
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "rms_norm_eps", 1e-6);
  read.activation = read_activation(config, "activation_fn_name", "swish");
  read.windows.assign(static_cast<std::size_t>(read.num_hidden_layers), 0);
  if (read.head_dim % 2 != 0 ||
      !config.find_bool("ffn_with_glu").value_or(true)) {
    throw ModelLoadingError(
        "[config] a head_dim of " + std::to_string(read.head_dim) +
            " or ffn_with_glu switched off is not supported",
        "Supported: even sizes and gated units, as OpenELM is published.");
  }
  read.rope = plain_rope(
      {.theta = config.find_number("rope_freq_constant").value_or(10000),
       .dims = read.head_dim});
  return read;
}

DenseConfig layer_config(const io::JsonConfig& fields, DenseConfig config,
                         int index) {
  const auto count = [&](const char* field) {
    const auto value =
        entry(fields.find_ints(field).value_or(std::vector<std::int64_t>{}),
              field, index);
    if (value < 1 || value > config.vocab_size) {
      throw ModelLoadingError("[config] " + std::string(field) + " has " +
                              std::to_string(value) + " for a layer");
    }
    return static_cast<int>(value);
  };
  const double multiplier = entry(
      fields.find_numbers("ffn_multipliers").value_or(std::vector<double>{}),
      "ffn_multipliers", index);
  constexpr double kMost = 1 << 28;
  if (!(multiplier > 0 && multiplier * config.hidden_size < kMost)) {
    throw ModelLoadingError("[config] ffn_multipliers has " +
                            std::to_string(multiplier) + " for a layer");
  }
  config.num_attention_heads = count("num_query_heads");
  config.num_key_value_heads = count("num_kv_heads");
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    throw ModelLoadingError("[config] num_query_heads (" +
                            std::to_string(config.num_attention_heads) +
                            ") is no multiple of num_kv_heads (" +
                            std::to_string(config.num_key_value_heads) + ")");
  }
  config.intermediate_size = divisible(multiplier * config.hidden_size,
                                       size_or(fields, "ffn_dim_divisor", 256));
  return config;
}

}  // namespace

std::unique_ptr<Model> make_openelm(const ModelSource& source) {
  const io::JsonConfig& fields = source.config;
  const DenseConfig config = read_config(fields);
  DenseTraits traits{.fused_query_key_value = true, .fused_gate_up = true};
  if (fields.find_bool("normalize_qk_projections").value_or(true)) {
    traits.query_key_norm = HeadNorm::kEachHead;
  }
  traits.names.embedding = "transformer.token_embeddings";
  traits.names.layers = "transformer.layers.";
  traits.names.final_norm = "transformer.norm";
  traits.names.attention = "attn.";
  traits.names.output = "out_proj";
  traits.names.before_attention = "attn_norm";
  traits.names.before_mlp = "ffn_norm";
  traits.names.gate_up = "proj_1";
  traits.names.down = "proj_2";
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int index, ops::ResidualFrame frame) -> Mixer {
    return read_attention(weights, layer_config(fields, config, index), traits,
                          prefix + traits.names.attention, index,
                          std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int index,
                            ops::ResidualFrame frame) -> FeedForward {
    return read_gated_mlp(weights, layer_config(fields, config, index), traits,
                          prefix + "ffn.", std::move(frame));
  };
  return make_decoder(read_dense_parts(source, config, traits));
}

}  // namespace abstractllm::models
