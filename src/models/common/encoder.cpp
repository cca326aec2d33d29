// The forward pass over EncoderParts, and what reading them shares.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/encoder.h"

#include <cmath>
#include <utility>

#include "abstractllm/error.h"
#include "cache/kv_cache.h"
#include "io/json_config.h"
#include "io/weight_matrix.h"
#include "io/weight_source.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "models/common/positions.h"
#include "ops/cpu_state.h"

namespace abstractllm::models {

namespace mx = mlx::core;

namespace {

mx::array normalise_if(const mx::array& x, const std::optional<ops::Norm>& n) {
  return n ? ops::normalise(x, *n) : x;
}

class Encoder : public Model {
 public:
  explicit Encoder(EncoderParts parts) : parts_(std::move(parts)) {}

  mx::array embed(const mx::array& ids) const override {
    return ops::embed(ids, parts_.embedding);
  }

  mx::array forward(const mx::array& embeddings,
                    const ops::Step& step) const override {
    const ops::RowKind kind(parts_.embedding.backend(), step);
    mx::array x = embeddings;
    if (parts_.positions) {
      x = x + embed_positions(*parts_.positions, parts_.first_position, step);
    }
    if (parts_.token_type) x = x + *parts_.token_type;
    x = normalise_if(x, parts_.embedding_norm);
    if (parts_.embedding_projection) {
      x = ops::linear(x, *parts_.embedding_projection);
    }
    for (int i = 0; i < static_cast<int>(parts_.layers.size()); ++i) {
      const EncoderLayer& layer = parts_.layers[i];
      x = normalise_if(ops::attention_block(x, x, layer.attention, i, step),
                       layer.attention_norm);
      x = normalise_if(ops::mlp_block(x, x, layer.mlp), layer.mlp_norm);
    }
    return normalise_if(x, parts_.final_norm);
  }

  mx::array logits(const mx::array& /*hidden*/) const override {
    throw UnsupportedOperationError(
        "[model] an encoder gives hidden states, no next token",
        "Ask it for embeddings.");
  }

  // Hold the keys and values of one text while it is in a layer.
  ops::KvLayers make_cache() const override {
    ops::KvLayers layers;
    layers.reserve(parts_.layers.size());
    for (const EncoderLayer& layer : parts_.layers) {
      layers.push_back(cache::make_kv_layer(parts_.embedding.backend(),
                                            layer.attention.spec));
    }
    return layers;
  }

  int vocabulary_size() const override { return parts_.embedding.outputs(); }

 private:
  EncoderParts parts_;
};

}  // namespace

ops::AttentionSpec EncoderConfig::attention() const {
  return {.heads = num_attention_heads,
          .kv_heads = num_attention_heads,
          .head_dim = head_dim(),
          .scale = 1.0f / std::sqrt(static_cast<float>(head_dim())),
          .bidirectional = true,
          .rope = {}};
}

EncoderConfig read_encoder_config(const io::JsonConfig& config,
                                  const EncoderFields& fields) {
  if (config.find_bool("is_decoder").value_or(false)) {
    throw ModelLoadingError(
        "[config] is_decoder is true, but the architecture runs as an encoder",
        "Decoders of this architecture are not supported.");
  }
  EncoderConfig read;
  read.hidden_size = require_size(config, fields.hidden_size);
  read.intermediate_size = require_size(config, fields.intermediate_size);
  read.num_hidden_layers = require_size(config, fields.num_hidden_layers);
  read.num_attention_heads = require_size(config, fields.num_attention_heads);
  read.vocab_size = require_size(config, "vocab_size");
  read.norm_eps = number_or(config, fields.norm_eps, fields.default_eps);
  read.activation =
      read_activation(config, fields.activation, fields.activation_name);
  read.embedding_size = fields.embedding_size != nullptr
                            ? size_or(config, fields.embedding_size,
                                      fields.default_embedding_size)
                            : read.hidden_size;
  if (read.hidden_size % read.num_attention_heads != 0 ||
      read.head_dim() % 2 != 0) {
    throw ModelLoadingError("[config] " + std::string(fields.hidden_size) +
                            " (" + std::to_string(read.hidden_size) +
                            ") is no even multiple of " +
                            fields.num_attention_heads + " (" +
                            std::to_string(read.num_attention_heads) + ")");
  }
  return read;
}

std::unique_ptr<Model> make_encoder(EncoderParts parts) {
  return std::make_unique<Encoder>(std::move(parts));
}

std::string find_prefix(const WeightReader& weights, const std::string& module,
                        const std::vector<std::string>& prefixes) {
  if (weights.source().is_imagined()) return prefixes.front();
  for (const std::string& prefix : prefixes) {
    if (weights.has_matrix(prefix + module)) return prefix;
  }
  throw ModelLoadingError(
      "[weights] there is no tensor '" + module + ".weight'",
      "config.json and the weights do not belong together.");
}

void skip_heads(const io::WeightSource& weights, const std::string& prefix,
                const std::vector<std::string>& beginnings) {
  for (const std::string& name : weights.unread_names()) {
    for (const std::string& beginning : beginnings) {
      if (name.starts_with(beginning) || name.starts_with(prefix + beginning)) {
        weights.find_tensor(name);
      }
    }
  }
}

mx::array read_token_type(const WeightReader& weights,
                          const std::string& module, int types, int hidden) {
  std::vector<float> row(static_cast<std::size_t>(hidden));
  weights.matrix(module, types, hidden).read_row(0, row);
  return ops::make_vector(weights.backend(), row);
}

}  // namespace abstractllm::models
