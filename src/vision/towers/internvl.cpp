// InternVL in transformers' and its authors' layouts: InternViT over crops,
// squares of patches side by side in one row, a norm and two linear layers.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "models/common/vision_language.h"
#include "vision/towers/llava.h"
#include "vision/towers/towers.h"
#include "vision/towers/vit.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

using models::Bias;
using models::WeightReader;

namespace {

constexpr float kHeadNormEps = 1e-6f;
constexpr float kProjectorEps = 1e-5f;

ops::NormKind read_norm_kind(const io::JsonConfig& config) {
  const std::string kind =
      config.find_string("norm_type").value_or("layer_norm");
  if (kind == "layer_norm") return ops::NormKind::kLayer;
  if (kind == "rms_norm") return ops::NormKind::kRms;
  throw ModelLoadingError("[config] norm_type is '" + kind +
                          "', expected layer_norm or rms_norm");
}

// Names of modules behind "vision_tower.".
struct Names {
  const char* class_token;
  const char* positions;
  const char* patches;
  const char* layers;
  const char* before_attention;
  const char* before_mlp;
  const char* output;
  const char* query_norm;
  const char* key_norm;
  const char* attention_scale;
  const char* mlp_scale;
};
constexpr Names kPublished{"embeddings.cls_token",
                           "embeddings.position_embeddings",
                           "embeddings.patch_embeddings.projection",
                           "encoder.layer.",
                           "layernorm_before",
                           "layernorm_after",
                           "attention.projection_layer",
                           "attention.q_norm",
                           "attention.k_norm",
                           "lambda_1",
                           "lambda_2"};
constexpr Names kAuthors{"embeddings.class_embedding",
                         "embeddings.position_embedding",
                         "embeddings.patch_embedding",
                         "encoder.layers.",
                         "norm1",
                         "norm2",
                         "attn.proj",
                         "attn.q_norm",
                         "attn.k_norm",
                         "ls1",
                         "ls2"};
const std::string kTower = "vision_tower.";

const Names& names_in(const WeightReader& weights) {
  return weights.has_vector(kTower + kAuthors.class_token) ? kAuthors
                                                           : kPublished;
}

// Query, key and value, which are fused in its authors' layout.
std::vector<ops::Linear> read_inputs(const WeightReader& weights,
                                     const std::string& prefix, int hidden) {
  if (weights.has_matrix(prefix + "attn.qkv")) {
    return weights.split_linear(prefix + "attn.qkv", {hidden, hidden, hidden},
                                hidden, Bias::kIfPresent);
  }
  std::vector<ops::Linear> inputs;
  for (const char* name : {"q_proj", "k_proj", "v_proj"}) {
    inputs.push_back(weights.linear(prefix + "attention." + name, hidden,
                                    hidden, Bias::kIfPresent));
  }
  return inputs;
}

EncoderLayer read_layer(const WeightReader& weights, const VitConfig& config,
                        ops::NormKind kind, int index) {
  const Names& names = names_in(weights);
  const std::string prefix =
      kTower + names.layers + std::to_string(index) + ".";
  const int hidden = config.hidden_size;
  const auto norm = [&](const char* name) {
    return weights.norm(kind, prefix + name, hidden, config.layer_norm_eps);
  };
  const auto head_norm = [&](const char* name) -> std::optional<ops::Norm> {
    if (!weights.has_vector(prefix + name + ".weight")) return std::nullopt;
    return weights.norm(ops::NormKind::kRms, prefix + name, hidden,
                        kHeadNormEps);
  };
  const auto linear = [&](const char* name, int outputs, int inputs) {
    return weights.linear(prefix + name, outputs, inputs, Bias::kIfPresent);
  };
  const auto scale = [&](const char* name) {
    return ops::make_vector(weights.backend(),
                            weights.vector(prefix + name, hidden));
  };
  const std::vector<ops::Linear> inputs = read_inputs(weights, prefix, hidden);
  return {.spec = plain_heads(config.num_attention_heads,
                              hidden / config.num_attention_heads),
          .norm = norm(names.before_attention),
          .query = inputs[0],
          .key = inputs[1],
          .value = inputs[2],
          .output = linear(names.output, hidden, hidden),
          .mlp = {.frame = {.before = norm(names.before_mlp)},
                  .activation = config.activation,
                  .gate = std::nullopt,
                  .up = linear("mlp.fc1", config.intermediate_size, hidden),
                  .down = linear("mlp.fc2", hidden, config.intermediate_size)},
          .query_norm = head_norm(names.query_norm),
          .key_norm = head_norm(names.key_norm),
          .attention_scale = scale(names.attention_scale),
          .mlp_scale = scale(names.mlp_scale)};
}

class Tower : public VisionTower {
 public:
  Tower(const models::ModelSource& source, const io::JsonConfig& vision)
      : config_(read_vit_config(vision)),
        patch_(read_patches(WeightReader(source.weights, source.backend),
                            config_)),
        factor_(read_factor(source.config)),
        projector_norm_(
            WeightReader(source.weights, source.backend)
                .norm(ops::NormKind::kLayer, "multi_modal_projector.layer_norm",
                      config_.hidden_size * factor_ * factor_, kProjectorEps)),
        projector_(
            read_projector(source, config_.hidden_size * factor_ * factor_)) {
    const WeightReader weights(source.weights, source.backend);
    const Names& names = names_in(weights);
    class_token_ = ops::make_vector(
        source.backend,
        weights.vector(kTower + names.class_token, config_.hidden_size));
    const int tokens = config_.patches() + 1;
    if (vision.find_bool("use_absolute_position_embeddings").value_or(true)) {
      positions_ = mx::reshape(
          ops::make_vector(
              source.backend,
              weights.vector(kTower + names.positions,
                             std::int64_t{tokens} * config_.hidden_size)),
          {1, tokens, config_.hidden_size});
    }
    const int layer =
        source.config.has("select_layer")
            ? own_feature_layer(source.config)
            : feature_layer(source.config, config_.num_hidden_layers, -1);
    const ops::NormKind kind = read_norm_kind(vision);
    for (int i = 0; i < config_.num_hidden_layers + layer + 1; ++i) {
      layers_.push_back(read_layer(weights, config_, kind, i));
    }
    const std::string last = "vision_tower.layernorm";
    if (layer == -1 && weights.has_vector(last + ".weight")) {
      last_norm_ = weights.norm(ops::NormKind::kLayer, last,
                                config_.hidden_size, config_.layer_norm_eps);
    }
    models::pass_over(source.weights, {"vision_tower."});
  }

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const mx::array pixels = pixel_array(image.pixel_values, 3);
    check_image_size(pixels, config_);
    const int crops = pixels.shape(0);
    const int hidden = config_.hidden_size;
    const int tokens = config_.patches() + 1;
    const mx::array patches = mx::reshape(
        ops::linear(cut_patches(pixels, config_.patch_size), patch_),
        {crops, config_.patches(), hidden});
    mx::array x = with_class_token(patches, *class_token_);
    if (positions_) x = x + *positions_;
    x = mx::reshape(x, {crops * tokens, hidden});
    const auto layout = equal_stretches(crops, tokens);
    x = run_layers(x, layers_, layout, stages);
    if (last_norm_) x = ops::normalise(x, *last_norm_);
    const mx::array shown = mx::slice(mx::reshape(x, {crops, tokens, hidden}),
                                      {0, 1, 0}, {crops, tokens, hidden});
    return {run(ops::normalise(join_squares(shown, factor_), projector_norm_),
                projector_)};
  }

 private:
  static ops::Linear read_patches(const WeightReader& weights,
                                  const VitConfig& config) {
    return weights.patch_linear(kTower + names_in(weights).patches,
                                config.hidden_size, config.num_channels,
                                {config.patch_size, config.patch_size},
                                Bias::kIfPresent);
  }

  // As its authors' config counts: -1 is the last layer's.
  int own_feature_layer(const io::JsonConfig& config) const {
    const std::int64_t layer = config.require_int("select_layer");
    if (layer < 0 && layer >= -config_.num_hidden_layers) {
      return static_cast<int>(layer);
    }
    throw ModelLoadingError("[config] select_layer is " +
                            std::to_string(layer) + ", expected -1 to -" +
                            std::to_string(config_.num_hidden_layers));
  }

  int read_factor(const io::JsonConfig& config) const {
    const double ratio = models::number_or(config, "downsample_ratio", 0.5);
    const int factor =
        ratio > 0 && ratio <= 1 ? static_cast<int>(std::lround(1 / ratio)) : 0;
    if (factor < 1 || config_.patches_per_side() % factor != 0) {
      throw ModelLoadingError("[config] downsample_ratio " +
                              std::to_string(ratio) + " does not divide " +
                              std::to_string(config_.patches_per_side()) +
                              " patches a side");
    }
    if (config.find_string("vision_feature_select_strategy")
            .value_or("default") != "default") {
      throw UnsupportedModelError(
          "[config] vision_feature_select_strategy: the class token of "
          "InternVL fills no square");
    }
    return factor;
  }

  VitConfig config_;
  ops::Linear patch_;
  int factor_;
  ops::Norm projector_norm_;
  TwoLinears projector_;
  std::optional<mx::array> class_token_;  // (hidden)
  std::optional<mx::array> positions_;    // (1, tokens, hidden)
  std::vector<EncoderLayer> layers_;
  std::optional<ops::Norm> last_norm_;
};

}  // namespace

TowerPtr make_internvl_tower(const models::ModelSource& source) {
  return std::make_unique<Tower>(source, models::vision_config(source.config));
}

}  // namespace abstractllm::vision
