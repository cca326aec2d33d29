// Reading of the decoders that were trained with fairseq.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/fairseq.h"

#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

DenseNames fairseq_names(const std::string& root) {
  DenseNames names;
  names.embedding = root + "embed_tokens";
  names.layers = root + "layers.";
  names.final_norm = "";
  names.output = "out_proj";
  names.before_attention = "self_attn_layer_norm";
  names.before_mlp = "final_layer_norm";
  return names;
}

DenseConfig fairseq_config(const io::JsonConfig& config, const char* layers,
                           const char* heads, const char* hidden,
                           const char* intermediate) {
  DenseConfig read;
  read.hidden_size = require_size(config, hidden);
  read.intermediate_size = require_size(config, intermediate);
  read.num_hidden_layers = require_size(config, layers);
  read.num_attention_heads = require_size(config, heads);
  read.num_key_value_heads = read.num_attention_heads;
  if (read.hidden_size % read.num_attention_heads != 0) {
    throw ModelLoadingError("[config] " + std::string(hidden) + " (" +
                            std::to_string(read.hidden_size) +
                            ") is no multiple of " + heads + " (" +
                            std::to_string(read.num_attention_heads) + ")");
  }
  read.head_dim = read.hidden_size / read.num_attention_heads;
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = 1e-5f;
  read.windows.assign(static_cast<std::size_t>(read.num_hidden_layers), 0);
  return read;
}

DecoderParts read_fairseq_parts(const ModelSource& source,
                                const DenseConfig& config, DenseTraits traits) {
  traits.norm = ops::NormKind::kLayer;
  traits.feed_forward = plain_mlps(config, "fc1", "fc2");
  return read_dense_parts(source, config, traits);
}

ops::Linear read_fairseq_positions(const ModelSource& source,
                                   const DenseConfig& config,
                                   const std::string& module, int positions) {
  positions = size_or(source.config, "max_position_embeddings", positions);
  const WeightReader weights(source.weights, source.backend);
  return weights.linear(
      weights
          .matrix(module, positions + kFairseqFirstPosition, config.hidden_size)
          .slice_rows(kFairseqFirstPosition, positions),
      std::nullopt);
}

}  // namespace abstractllm::models
