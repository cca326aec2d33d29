// StarCoder 1 and SantaCoder: learned positions, mostly one head of keys and
// values for all queries.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/dense_decoder.h"

namespace abstractllm::models {

namespace {

DenseConfig read_config(const io::JsonConfig& config) {
  DenseConfig read;
  read.hidden_size = require_size(config, "n_embd");
  read.intermediate_size = size_or(config, "n_inner", 4 * read.hidden_size);
  read.num_hidden_layers = require_size(config, "n_layer");
  read.num_attention_heads = require_size(config, "n_head");
  read.num_key_value_heads = config.find_bool("multi_query").value_or(true)
                                 ? 1
                                 : read.num_attention_heads;
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, "layer_norm_epsilon", 1e-5);
  read.activation =
      read_activation(config, "activation_function", "gelu_pytorch_tanh");
  read.windows.assign(read.num_hidden_layers, 0);
  return read;
}

// Rows of c_attn that make part 0, 1 or 2: with one head of keys and values
// the parts follow each other; else each head has its three together.
std::vector<std::int32_t> rows_of(const DenseConfig& config, int part) {
  const int size = config.head_dim;
  const int heads = config.num_attention_heads;
  std::vector<std::int32_t> rows;
  if (config.num_key_value_heads == 1) {
    const int first = part == 0 ? 0 : (heads + part - 1) * size;
    const int count = part == 0 ? heads * size : size;
    for (int i = 0; i < count; ++i) rows.push_back(first + i);
    return rows;
  }
  for (int head = 0; head < heads; ++head) {
    for (int i = 0; i < size; ++i) rows.push_back((head * 3 + part) * size + i);
  }
  return rows;
}

ops::AttentionBlock read_attention(const WeightReader& weights,
                                   const DenseConfig& config, float scale,
                                   const std::string& prefix,
                                   ops::ResidualFrame frame) {
  const int hidden = config.hidden_size;
  const int total = hidden + 2 * config.num_key_value_heads * config.head_dim;
  const auto part = [&](int index) {
    return weights.pick_linear(prefix + "attn.c_attn", total, hidden,
                               rows_of(config, index), Bias::kRequired);
  };
  return {.frame = std::move(frame),
          .spec = {.heads = config.num_attention_heads,
                   .kv_heads = config.num_key_value_heads,
                   .head_dim = config.head_dim,
                   .scale = scale,
                   .rope = {}},
          .query = part(0),
          .key = part(1),
          .value = part(2),
          .output = weights.linear(prefix + "attn.c_proj", hidden, hidden,
                                   Bias::kRequired)};
}

}  // namespace

std::unique_ptr<Model> make_gpt_bigcode(const ModelSource& source) {
  const DenseConfig config = read_config(source.config);
  const bool scaled =
      source.config.find_bool("scale_attn_weights").value_or(true);
  const float scale =
      scaled ? 1.0f / std::sqrt(static_cast<float>(config.head_dim)) : 1.0f;
  DenseTraits traits{.norm = ops::NormKind::kLayer};
  traits.names = {.embedding = "transformer.wte",
                  .layers = "transformer.h.",
                  .final_norm = "transformer.ln_f",
                  .before_attention = "ln_1",
                  .after_attention = "",
                  .before_mlp = "ln_2",
                  .after_mlp = ""};
  traits.mixer = [&](const WeightReader& weights, const std::string& prefix,
                     int /*index*/, ops::ResidualFrame frame) -> Mixer {
    return read_attention(weights, config, scale, prefix, std::move(frame));
  };
  traits.feed_forward = [&](const WeightReader& weights,
                            const std::string& prefix, int /*index*/,
                            ops::ResidualFrame frame) -> FeedForward {
    return ops::MlpBlock{
        .frame = std::move(frame),
        .activation = config.activation,
        .gate = std::nullopt,
        .up = weights.linear(prefix + "mlp.c_fc", config.intermediate_size,
                             config.hidden_size, Bias::kRequired),
        .down = weights.linear(prefix + "mlp.c_proj", config.hidden_size,
                               config.intermediate_size, Bias::kRequired)};
  };
  DecoderParts parts = read_dense_parts(source, config, traits);
  parts.positions =
      WeightReader(source.weights, source.backend)
          .linear("transformer.wpe", require_size(source.config, "n_positions"),
                  config.hidden_size, Bias::kNone);
  return make_decoder(std::move(parts));
}

}  // namespace abstractllm::models
