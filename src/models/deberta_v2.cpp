// DeBERTa v2, v3 and mDeBERTa: BERT's layers with disentangled attention.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "abstractllm/error.h"
#include "base/text.h"
#include "io/json_config.h"
#include "mlx/ops.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/disentangled.h"
#include "models/common/encoder.h"

namespace abstractllm::models {

namespace {

struct Config {
  EncoderConfig encoder;
  int head_dim = 0;
  bool word_to_distance = false;  // "c2p"
  bool distance_to_word = false;  // "p2c"
  bool relative = false;
  bool shares_projections = false;
  bool norms_distances = false;
  DistanceBuckets buckets;

  int width() const { return encoder.num_attention_heads * head_dim; }
  // As many kinds of scores as are added up.
  float scale() const {
    const int kinds =
        1 + (word_to_distance ? 1 : 0) + (distance_to_word ? 1 : 0);
    return 1.0f / std::sqrt(static_cast<float>(head_dim * kinds));
  }
};

// A list, or one text with bars between its words.
std::vector<std::string> words_of(const io::JsonConfig& config,
                                  const char* field) {
  std::vector<std::string> words;
  if (!config.is_string(field)) {
    return config.find_strings(field).value_or(words);
  }
  const std::string text = config.require_string(field);
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('|', at), text.size());
    words.emplace_back(base::trimmed(text.substr(at, end - at)));
    at = end + 1;
  }
  return words;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// -1 and 0 stand for none.
int positive_or(const io::JsonConfig& config, const char* field,
                int otherwise) {
  return config.find_int(field).value_or(0) > 0 ? require_size(config, field)
                                                : otherwise;
}

Config read_config(const io::JsonConfig& config) {
  Config read{
      .encoder = read_encoder_config(
          config, {.default_eps = 1e-7, .embedding_size = "embedding_size"})};
  if (!config.has("embedding_size")) {
    read.encoder.embedding_size = read.encoder.hidden_size;
  }
  read.head_dim =
      size_or(config, "attention_head_size", read.encoder.head_dim());
  const std::vector<std::string> kinds = words_of(config, "pos_att_type");
  read.word_to_distance = contains(kinds, "c2p");
  read.distance_to_word = contains(kinds, "p2c");
  read.relative = flag_or(config, "relative_attention", false);
  read.shares_projections = flag_or(config, "share_att_key", false);
  read.norms_distances =
      contains(words_of(config, "norm_rel_ebd"), "layer_norm");
  DistanceBuckets& buckets = read.buckets;
  buckets.reach = positive_or(config, "max_relative_positions",
                              size_or(config, "max_position_embeddings", 512));
  buckets.buckets = positive_or(config, "position_buckets", 0);
  buckets.span = buckets.buckets > 0 ? buckets.buckets : buckets.reach;
  if (buckets.buckets > 0 &&
      (buckets.buckets < 4 || buckets.reach - 1 <= buckets.buckets / 2)) {
    throw ModelLoadingError(
        "[config] " + std::to_string(buckets.buckets) +
        " position_buckets do not fit max_relative_positions " +
        std::to_string(buckets.reach));
  }
  return read;
}

class LayerReader {
 public:
  LayerReader(const WeightReader& weights, const Config& config)
      : weights_(weights), config_(config) {}

  DisentangledLayer read(const std::string& prefix) const {
    const EncoderConfig& sizes = config_.encoder;
    const int hidden = sizes.hidden_size;
    const int width = config_.width();
    const std::string self = prefix + "attention.self.";
    const auto linear = [&](const std::string& name, int outputs, int inputs) {
      return weights_.linear(name, outputs, inputs, Bias::kRequired);
    };
    DisentangledLayer layer{
        .query = linear(self + "query_proj", width, hidden),
        .key = linear(self + "key_proj", width, hidden),
        .value = linear(self + "value_proj", width, hidden),
        .output = linear(prefix + "attention.output.dense", hidden, width),
        .attention_norm = norm(prefix + "attention.output.LayerNorm"),
        .mlp = ops::MlpBlock{.frame = {},
                             .activation = sizes.activation,
                             .gate = std::nullopt,
                             .up = linear(prefix + "intermediate.dense",
                                          sizes.intermediate_size, hidden),
                             .down = linear(prefix + "output.dense", hidden,
                                            sizes.intermediate_size)},
        .mlp_norm = norm(prefix + "output.LayerNorm")};
    if (!config_.relative) return layer;
    const auto of_distances = [&](const char* own, const ops::Linear& shared) {
      return config_.shares_projections ? shared
                                        : linear(self + own, width, hidden);
    };
    if (config_.word_to_distance) {
      layer.distance_key = of_distances("pos_key_proj", layer.key);
    }
    if (config_.distance_to_word) {
      layer.distance_query = of_distances("pos_query_proj", layer.query);
    }
    return layer;
  }

  ops::Norm norm(const std::string& module) const {
    return weights_.norm(ops::NormKind::kLayer, module,
                         config_.encoder.hidden_size, config_.encoder.norm_eps);
  }

 private:
  const WeightReader& weights_;
  const Config& config_;
};

TextConvolution read_text_convolution(const WeightReader& weights,
                                      const io::JsonConfig& config,
                                      const std::string& module, int hidden,
                                      ops::Norm norm) {
  const int kernel = require_size(config, "conv_kernel_size");
  const int groups = size_or(config, "conv_groups", 1);
  if (hidden % groups != 0 || kernel % 2 == 0) {
    throw ModelLoadingError(
        "[config] cannot convolve " + std::to_string(hidden) + " channels in " +
        std::to_string(groups) + " groups with conv_kernel_size " +
        std::to_string(kernel));
  }
  const int inputs = hidden / groups;
  const std::vector<float> stored = weights.vector(
      module + ".weight", std::int64_t{hidden} * inputs * kernel);
  std::vector<float> taps(stored.size());
  for (int row = 0; row < hidden; ++row) {
    const std::size_t at = static_cast<std::size_t>(row) * inputs * kernel;
    for (int i = 0; i < inputs; ++i) {
      for (int k = 0; k < kernel; ++k) {
        taps[at + static_cast<std::size_t>(k) * inputs + i] =
            stored[at + static_cast<std::size_t>(i) * kernel + k];
      }
    }
  }
  const mlx::core::array flat = ops::make_vector(weights.backend(), taps);
  TextConvolution convolution{
      .weight = mlx::core::reshape(flat, {hidden, kernel, inputs}),
      .bias = ops::make_vector(weights.backend(),
                               weights.vector(module + ".bias", hidden)),
      .groups = groups,
      .norm = std::move(norm)};
  if (config.find_string("conv_act").value_or("tanh") != "tanh") {
    convolution.activation = read_activation(config, "conv_act");
  }
  return convolution;
}

}  // namespace

std::unique_ptr<Model> make_deberta_v2(const ModelSource& source) {
  const Config config = read_config(source.config);
  const EncoderConfig& sizes = config.encoder;
  const int hidden = sizes.hidden_size;
  const WeightReader weights(source.weights, source.backend);
  const std::string prefix =
      find_prefix(weights, "embeddings.word_embeddings", {"", "deberta."});
  const auto table = [&](const std::string& name, int rows, int columns) {
    return weights.linear(prefix + name, rows, columns, Bias::kNone);
  };
  const LayerReader reader(weights, config);
  DisentangledParts parts{
      .heads = sizes.num_attention_heads,
      .head_dim = config.head_dim,
      .scale = config.scale(),
      .embedding = table("embeddings.word_embeddings", sizes.vocab_size,
                         sizes.embedding_size),
      .embedding_norm = reader.norm(prefix + "embeddings.LayerNorm"),
      .buckets = config.buckets};
  if (flag_or(source.config, "position_biased_input", true)) {
    parts.positions =
        table("embeddings.position_embeddings",
              size_or(source.config, "max_position_embeddings", 512),
              sizes.embedding_size);
  }
  if (const int types = positive_or(source.config, "type_vocab_size", 0)) {
    parts.token_type =
        read_token_type(weights, prefix + "embeddings.token_type_embeddings",
                        types, sizes.embedding_size);
  }
  if (sizes.embedding_size != hidden) {
    parts.embedding_projection =
        table("embeddings.embed_proj", hidden, sizes.embedding_size);
  }
  if (config.relative) {
    parts.distances =
        table("encoder.rel_embeddings", 2 * config.buckets.span, hidden);
  }
  if (config.norms_distances) {
    parts.distance_norm = reader.norm(prefix + "encoder.LayerNorm");
  }
  for (int i = 0; i < sizes.num_hidden_layers; ++i) {
    parts.layers.push_back(
        reader.read(prefix + "encoder.layer." + std::to_string(i) + "."));
    if (source.on_progress) {
      source.on_progress((i + 1.0) / sizes.num_hidden_layers);
    }
  }
  if (positive_or(source.config, "conv_kernel_size", 0) > 0) {
    parts.convolution = read_text_convolution(
        weights, source.config, prefix + "encoder.conv.conv", hidden,
        reader.norm(prefix + "encoder.conv.LayerNorm"));
  }
  skip_heads(source.weights, prefix,
             {"embeddings.position_", "pooler.", "cls.", "lm_predictions.",
              "mask_predictions.", "classifier.", "qa_outputs."});
  return make_disentangled_encoder(std::move(parts));
}

}  // namespace abstractllm::models
