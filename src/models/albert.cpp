// ALBERT: BERT whose layers share their weights, with small embeddings.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/bert.h"
#include "models/common/config_fields.h"

namespace abstractllm::models {

namespace {

// A layer of config.json runs all layers of its group one after the other.
std::vector<std::string> name_layers(const io::JsonConfig& config) {
  const int layers = require_size(config, "num_hidden_layers");
  const int groups = size_or(config, "num_hidden_groups", 1);
  const int inner = size_or(config, "inner_group_num", 1);
  constexpr std::int64_t kMostLayers = 4096;
  if (std::int64_t{layers} * inner > kMostLayers) {
    throw ModelLoadingError("[config] " + std::to_string(layers) +
                            " times inner_group_num (" + std::to_string(inner) +
                            ") layers, expected up to 4096");
  }
  std::vector<std::string> names;
  for (int i = 0; i < layers; ++i) {
    const double share = static_cast<double>(layers) / groups;
    const int group = static_cast<int>(i / share);
    for (int j = 0; j < inner; ++j) {
      names.push_back(std::to_string(group) + ".albert_layers." +
                      std::to_string(j));
    }
  }
  return names;
}

}  // namespace

std::unique_ptr<Model> make_albert(const ModelSource& source) {
  return make_bert_like(
      source,
      {.fields = {.activation_name = "gelu_new",
                  .embedding_size = "embedding_size"},
       .names = {.embedding_projection = "encoder.embedding_hidden_mapping_in",
                 .layers = "encoder.albert_layer_groups.",
                 .query = "attention.query",
                 .key = "attention.key",
                 .value = "attention.value",
                 .output = "attention.dense",
                 .attention_norm = "attention.LayerNorm",
                 .up = "ffn",
                 .down = "ffn_output",
                 .mlp_norm = "full_layer_layer_norm"},
       .prefix = "albert.",
       .layers = name_layers(source.config)});
}

}  // namespace abstractllm::models
