// ModernBERT: norms before each half, gated units, rotation, and layers with a
// window between those that see all.
// SPDX-License-Identifier: Apache-2.0
#include "models/common/modernbert.h"

#include "io/json_config.h"
#include "models/architectures.h"
#include "models/common/config_fields.h"
#include "models/common/encoder.h"

namespace abstractllm::models {

namespace {

struct Layers {
  std::vector<bool> slides;
  int window = 0;  // of a layer that slides, on each side, the token included
  ops::RopeTable local;
  ops::RopeTable global;
};

Layers read_layers(const io::JsonConfig& config, int layers, int head_dim) {
  return {.slides = read_modernbert_slides(config, layers),
          .window = size_or(config, "local_attention", 128) / 2 + 1,
          .local = read_modernbert_rope(config, "sliding_attention",
                                        "local_rope_theta",
                                        {.theta = 10000, .dims = head_dim}),
          .global = read_modernbert_rope(config, "full_attention",
                                         "global_rope_theta",
                                         {.theta = 160000, .dims = head_dim})};
}

class LayerReader {
 public:
  LayerReader(const WeightReader& weights, const EncoderConfig& config,
              const Layers& layers)
      : weights_(weights), config_(config), layers_(layers) {}

  EncoderLayer read(const std::string& prefix, int index) const {
    const int hidden = config_.hidden_size;
    const int inner = config_.intermediate_size;
    const std::vector<ops::Linear> heads =
        weights_.split_linear(prefix + "attn.Wqkv", {hidden, hidden, hidden},
                              hidden, Bias::kIfPresent);
    const std::vector<ops::Linear> unit = weights_.split_linear(
        prefix + "mlp.Wi", {inner, inner}, hidden, Bias::kIfPresent);
    ops::AttentionSpec spec = config_.attention();
    const bool slides = layers_.slides[index];
    spec.window = slides ? layers_.window : 0;
    spec.rope = slides ? layers_.local : layers_.global;
    // The embeddings that the first layer gets have been normed.
    std::optional<ops::Norm> before;
    if (index > 0) before = norm(prefix + "attn_norm");
    return {
        .attention =
            ops::AttentionBlock{
                .frame = ops::ResidualFrame{.before = std::move(before)},
                .spec = std::move(spec),
                .query = heads[0],
                .key = heads[1],
                .value = heads[2],
                .output = weights_.linear(prefix + "attn.Wo", hidden, hidden,
                                          Bias::kIfPresent)},
        .mlp = ops::MlpBlock{
            .frame = ops::ResidualFrame{.before = norm(prefix + "mlp_norm")},
            .activation = config_.activation,
            .gate = unit[0],
            .up = unit[1],
            .down = weights_.linear(prefix + "mlp.Wo", hidden, inner,
                                    Bias::kIfPresent)}};
  }

  ops::Norm norm(const std::string& module) const {
    return weights_.norm(ops::NormKind::kLayer, module, config_.hidden_size,
                         config_.norm_eps);
  }

 private:
  const WeightReader& weights_;
  const EncoderConfig& config_;
  const Layers& layers_;
};

}  // namespace

std::unique_ptr<Model> make_modernbert(const ModelSource& source) {
  const EncoderConfig config =
      read_encoder_config(source.config, {.norm_eps = "norm_eps",
                                          .default_eps = 1e-5,
                                          .activation = "hidden_activation"});
  const Layers layers =
      read_layers(source.config, config.num_hidden_layers, config.head_dim());
  const WeightReader weights(source.weights, source.backend);
  const std::string prefix =
      find_prefix(weights, "embeddings.tok_embeddings", {"", "model."});
  const LayerReader reader(weights, config, layers);
  EncoderParts parts{.embedding = weights.linear(
                         prefix + "embeddings.tok_embeddings",
                         config.vocab_size, config.hidden_size, Bias::kNone),
                     .embedding_norm = reader.norm(prefix + "embeddings.norm"),
                     .final_norm = reader.norm(prefix + "final_norm")};
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    parts.layers.push_back(
        reader.read(prefix + "layers." + std::to_string(i) + ".", i));
    if (source.on_progress) {
      source.on_progress((i + 1.0) / config.num_hidden_layers);
    }
  }
  skip_heads(source.weights, prefix, {"head.", "decoder.", "classifier."});
  return make_encoder(std::move(parts));
}

}  // namespace abstractllm::models
