// CLIP's and SigLIP's vision transformers.
// SPDX-License-Identifier: Apache-2.0
#include "vision/towers/vit.h"

#include <string>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

using models::Bias;
using models::WeightReader;

EncoderLayer read_vit_layer(const WeightReader& weights,
                            const VitConfig& config, const std::string& prefix,
                            const VitLayerNames& names) {
  const int hidden = config.hidden_size;
  const auto norm = [&](const char* name) {
    return weights.norm(ops::NormKind::kLayer, prefix + name, hidden,
                        config.layer_norm_eps);
  };
  const auto linear = [&](const char* name, int outputs, int inputs) {
    return weights.linear(prefix + name, outputs, inputs, Bias::kIfPresent);
  };
  return {.spec = plain_heads(config.num_attention_heads,
                              hidden / config.num_attention_heads),
          .norm = norm(names.norm),
          .query = linear("self_attn.q_proj", hidden, hidden),
          .key = linear("self_attn.k_proj", hidden, hidden),
          .value = linear("self_attn.v_proj", hidden, hidden),
          .output = linear(names.output, hidden, hidden),
          .mlp = ops::MlpBlock{
              .frame = ops::ResidualFrame{.before = norm(names.mlp_norm)},
              .activation = config.activation,
              .gate = std::nullopt,
              .up = linear("mlp.fc1", config.intermediate_size, hidden),
              .down = linear("mlp.fc2", hidden, config.intermediate_size)}};
}

VitConfig read_vit_config(const io::JsonConfig& config) {
  VitConfig read{
      .hidden_size = models::require_size(config, "hidden_size"),
      .intermediate_size = models::require_size(config, "intermediate_size"),
      .num_hidden_layers = models::require_size(config, "num_hidden_layers"),
      .num_attention_heads =
          models::require_size(config, "num_attention_heads"),
      .image_size = square_side(config, "image_size"),
      .patch_size = square_side(config, "patch_size"),
      .num_channels = models::size_or(config, "num_channels", 3),
      .layer_norm_eps = models::number_or(config, "layer_norm_eps", 1e-6),
      .activation = models::read_activation(config, "hidden_act", "gelu")};
  if (read.hidden_size % read.num_attention_heads != 0 ||
      read.image_size < read.patch_size) {
    throw ModelLoadingError(
        "[config] a tower of " + std::to_string(read.hidden_size) +
        " values, " + std::to_string(read.num_attention_heads) +
        " heads and patches of " + std::to_string(read.patch_size) + " in " +
        std::to_string(read.image_size) + " pixels cannot be");
  }
  return read;
}

void check_image_size(const mx::array& pixels, const VitConfig& config) {
  if (pixels.ndim() == 4 && pixels.shape(1) == config.num_channels &&
      pixels.shape(2) == config.image_size &&
      pixels.shape(3) == config.image_size) {
    return;
  }
  throw InvalidRequestError("[vision] the tower takes images of " +
                            std::to_string(config.image_size) +
                            " pixels a side only");
}

Vit::Vit(const models::ModelSource& source, VitConfig config, int layer)
    : config_(config),
      patch_([&] {
        return WeightReader(source.weights, source.backend)
            .patch_linear("vision_tower.embeddings.patch_embedding",
                          config.hidden_size, config.num_channels,
                          {config.patch_size, config.patch_size},
                          Bias::kIfPresent);
      }()),
      positions_(mx::array(0.0f)) {
  const WeightReader weights(source.weights, source.backend);
  const std::string tower = "vision_tower.";
  const std::string class_name = tower + "embeddings.class_embedding";
  if (weights.has_vector(class_name)) {
    class_token_ = ops::make_vector(
        source.backend, weights.vector(class_name, config.hidden_size));
  }
  const int tokens = config.patches() + (class_token_ ? 1 : 0);
  positions_ = mx::reshape(
      ops::make_vector(
          source.backend,
          weights.vector(tower + "embeddings.position_embedding.weight",
                         std::int64_t{tokens} * config.hidden_size)),
      {tokens, config.hidden_size});
  const auto norm = [&](const char* name) {
    return weights.norm(ops::NormKind::kLayer, tower + name, config.hidden_size,
                        config.layer_norm_eps);
  };
  // The checkpoints of CLIP spell it so.
  if (weights.has_vector(tower + "pre_layrnorm.weight")) {
    first_norm_ = norm("pre_layrnorm");
  }
  const int used = config.num_hidden_layers + (layer < 0 ? layer + 1 : 0);
  if (used < 0) {
    throw ModelLoadingError(
        "[config] a tower of " + std::to_string(config.num_hidden_layers) +
        " layers has no hidden state " + std::to_string(layer));
  }
  for (int i = 0; i < used; ++i) {
    layers_.push_back(read_vit_layer(
        weights, config,
        "vision_tower.encoder.layers." + std::to_string(i) + "."));
  }
  if (layer == kWithFinalNorm) last_norm_ = norm("post_layernorm");
  // Layers behind the one that is taken, and SigLIP's pooling head.
  models::pass_over(source.weights, {tower});
}

mx::array Vit::encode(const mx::array& pixels, Stages& stages,
                      bool keep_class) const {
  check_image_size(pixels, config_);
  const int images = pixels.shape(0);
  const int hidden = config_.hidden_size;
  mx::array x =
      mx::reshape(ops::linear(cut_patches(pixels, config_.patch_size), patch_),
                  {images, config_.patches(), hidden});
  if (class_token_) x = with_class_token(x, *class_token_);
  const int tokens = x.shape(1);
  x = mx::reshape(x + positions_, {images * tokens, hidden});
  if (first_norm_) x = ops::normalise(x, *first_norm_);
  const auto layout = equal_stretches(images, tokens);
  x = run_layers(x, layers_, layout, stages);
  if (last_norm_) x = ops::normalise(x, *last_norm_);
  x = mx::reshape(x, {images, tokens, hidden});
  if (!class_token_ || keep_class) return x;
  return mx::slice(x, {0, 1, 0}, {images, tokens, hidden});
}

}  // namespace abstractllm::vision
