// Reading of Llama-like configs and checkpoints.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/dense_decoder.h"

#include <cmath>
#include <optional>
#include <string>

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "io/weight_source.h"
#include "models/common/rope_config.h"

namespace abstractllm::models {

namespace {

// Far above every published model; keeps products of two within int.
constexpr int kMaxDimension = 1 << 22;

int require_size(const io::JsonConfig& config, const char* field) {
  const auto value = config.require_int(field);
  if (value < 1 || value > kMaxDimension) {
    throw ModelLoadingError("[config] " + std::string(field) + " is " +
                            std::to_string(value) + ", expected 1 to " +
                            std::to_string(kMaxDimension));
  }
  return static_cast<int>(value);
}

int size_or(const io::JsonConfig& config, const char* field, int otherwise) {
  return config.has(field) ? require_size(config, field) : otherwise;
}

ops::Activation read_activation(const io::JsonConfig& config) {
  const std::string name = config.find_string("hidden_act").value_or("silu");
  if (name == "silu" || name == "swish") return ops::Activation::kSilu;
  if (name == "gelu") return ops::Activation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") {
    return ops::Activation::kGeluTanh;
  }
  if (name == "relu") return ops::Activation::kRelu;
  if (name == "relu2") return ops::Activation::kReluSquared;
  throw ModelLoadingError("[config] activation '" + name + "' is not supported",
                          "Supported: silu, gelu, gelu_new, "
                          "gelu_pytorch_tanh, relu, relu2.");
}

// layer_types says it per layer; older configs say it by a switch and the
// first layer that slides (Qwen), or by sliding_window alone (Mistral).
std::vector<int> read_windows(const io::JsonConfig& config, int layers) {
  std::vector<int> windows(layers, 0);
  if (!config.has("sliding_window")) return windows;
  if (!config.find_bool("use_sliding_window").value_or(true)) return windows;
  const int window = require_size(config, "sliding_window");
  if (const auto types = config.find_strings("layer_types")) {
    if (static_cast<int>(types->size()) < layers) {
      throw ModelLoadingError("[config] layer_types has " +
                              std::to_string(types->size()) +
                              " entries, expected " + std::to_string(layers));
    }
    for (int i = 0; i < layers; ++i) {
      if ((*types)[i] == "sliding_attention") windows[i] = window;
    }
    return windows;
  }
  const auto first_sliding =
      config.has("use_sliding_window")
          ? config.find_int("max_window_layers").value_or(0)
          : 0;
  for (int i = 0; i < layers; ++i) {
    if (i >= first_sliding) windows[i] = window;
  }
  return windows;
}

void check_heads(const DenseConfig& config) {
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    throw ModelLoadingError("[config] num_attention_heads (" +
                            std::to_string(config.num_attention_heads) +
                            ") is no multiple of num_key_value_heads (" +
                            std::to_string(config.num_key_value_heads) + ")");
  }
  if (config.head_dim % 2 != 0) {
    throw ModelLoadingError("[config] head_dim is " +
                            std::to_string(config.head_dim) +
                            ", expected an even number");
  }
}

DecoderLayer read_layer(const WeightReader& weights, const DenseConfig& config,
                        const DenseTraits& traits, int index) {
  const std::string prefix = "model.layers." + std::to_string(index) + ".";
  const std::string attention = prefix + "self_attn.";
  const std::string mlp = prefix + "mlp.";
  const int query_size = config.num_attention_heads * config.head_dim;
  const int kv_size = config.num_key_value_heads * config.head_dim;
  const int hidden = config.hidden_size;
  const float eps = config.rms_norm_eps;
  const Bias bias = traits.query_key_value_bias;

  const auto head_norm = [&](const char* name) -> std::optional<ops::Norm> {
    if (!traits.query_key_norm) return std::nullopt;
    return weights.rms_norm(attention + name, config.head_dim, eps);
  };
  ops::AttentionBlock attention_block{
      .frame = {.before =
                    weights.rms_norm(prefix + "input_layernorm", hidden, eps)},
      .spec = {.heads = config.num_attention_heads,
               .kv_heads = config.num_key_value_heads,
               .head_dim = config.head_dim,
               .scale = 1.0f / std::sqrt(static_cast<float>(config.head_dim)),
               .window = config.windows[index],
               .rope = config.rope},
      .query = weights.linear(attention + "q_proj", query_size, hidden, bias),
      .key = weights.linear(attention + "k_proj", kv_size, hidden, bias),
      .value = weights.linear(attention + "v_proj", kv_size, hidden, bias),
      .output = weights.linear(attention + "o_proj", hidden, query_size,
                               traits.output_bias),
      .query_norm = head_norm("q_norm"),
      .key_norm = head_norm("k_norm")};
  ops::MlpBlock mlp_block{
      .frame = {.before = weights.rms_norm(prefix + "post_attention_layernorm",
                                           hidden, eps)},
      .activation = config.activation,
      .gate = weights.linear(mlp + "gate_proj", config.intermediate_size,
                             hidden, traits.mlp_bias),
      .up = weights.linear(mlp + "up_proj", config.intermediate_size, hidden,
                           traits.mlp_bias),
      .down = weights.linear(mlp + "down_proj", hidden,
                             config.intermediate_size, traits.mlp_bias)};
  return {std::move(attention_block), std::move(mlp_block)};
}

}  // namespace

DenseConfig read_dense_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "hidden_size");
  read.intermediate_size = require_size(config, "intermediate_size");
  read.num_hidden_layers = require_size(config, "num_hidden_layers");
  read.num_attention_heads = require_size(config, "num_attention_heads");
  read.num_key_value_heads =
      size_or(config, "num_key_value_heads", read.num_attention_heads);
  read.head_dim =
      size_or(config, "head_dim", read.hidden_size / read.num_attention_heads);
  read.vocab_size = require_size(config, "vocab_size");
  read.rms_norm_eps =
      static_cast<float>(config.find_number("rms_norm_eps").value_or(1e-6));
  read.activation = read_activation(config);
  read.windows = read_windows(config, read.num_hidden_layers);
  check_heads(read);
  read.rope = read_rope(config, {.dims = read.head_dim});
  return read;
}

DecoderParts read_dense_parts(const ModelSource& source, DenseConfig config,
                              const DenseTraits& traits) {
  if (const auto factors = source.weights.find_vector("rope_freqs.weight")) {
    apply_frequency_factors(config.rope, *factors);
  }
  const WeightReader weights(source.weights, source.backend);
  const bool tied = source.config.find_bool("tie_word_embeddings")
                        .value_or(!weights.has_matrix("lm_head"));
  DecoderParts parts{
      .embedding = weights.linear("model.embed_tokens", config.vocab_size,
                                  config.hidden_size, Bias::kNone),
      .layers = {},
      .final_norm = weights.rms_norm("model.norm", config.hidden_size,
                                     config.rms_norm_eps),
      .head = std::nullopt};
  if (tied) {
    // Some checkpoints carry a copy of the embedding as the head.
    source.weights.find_tensor("lm_head.weight");
  } else {
    parts.head = weights.linear("lm_head", config.vocab_size,
                                config.hidden_size, Bias::kNone);
  }
  parts.layers.reserve(config.num_hidden_layers);
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    parts.layers.push_back(read_layer(weights, config, traits, i));
    if (source.on_progress) {
      source.on_progress((i + 1.0) / config.num_hidden_layers);
    }
  }
  return parts;
}

}  // namespace abstractllm::models
