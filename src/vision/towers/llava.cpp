// LLaVA 1.5: CLIP's patches before its last layer, two linear layers.
// SPDX-License-Identifier: Apache-2.0
#include "vision/towers/llava.h"

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "models/common/vision_language.h"
#include "vision/towers/pixtral.h"
#include "vision/towers/towers.h"
#include "vision/towers/vit.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

bool keeps_class_token(const io::JsonConfig& config) {
  const std::string strategy =
      config.find_string("vision_feature_select_strategy").value_or("default");
  if (strategy != "default" && strategy != "full") {
    throw ModelLoadingError("[config] vision_feature_select_strategy is '" +
                            strategy + "', expected default or full");
  }
  return strategy == "full";
}

class Tower : public VisionTower {
 public:
  explicit Tower(LlavaParts parts) : parts_(std::move(parts)) {}

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const mx::array x = parts_.vit.encode(pixel_array(image.pixel_values, 3),
                                          stages, parts_.keeps_class);
    return {run(mx::reshape(x, {-1, x.shape(-1)}), parts_.projector)};
  }

 private:
  LlavaParts parts_;
};

// LLaVA over Pixtral's tower, whose marks between rows are text.
class PixtralTower : public VisionTower {
 public:
  PixtralTower(PixtralEncoder encoder, TwoLinears projector)
      : encoder_(std::move(encoder)), projector_(std::move(projector)) {}

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    return {run(encoder_.encode(image, stages).rows, projector_)};
  }

 private:
  PixtralEncoder encoder_;
  TwoLinears projector_;
};

}  // namespace

int feature_layer(const io::JsonConfig& config, int layers, int otherwise) {
  const auto named = config.find_ints("vision_feature_layer")
                         .value_or(std::vector<std::int64_t>{otherwise});
  if (named.size() != 1) {
    throw UnsupportedModelError(
        "[config] vision_feature_layer names " + std::to_string(named.size()) +
        " layers; features of several are not supported");
  }
  const std::int64_t states = layers + 1;
  const std::int64_t layer = named[0] < 0 ? named[0] : named[0] - states;
  if (layer >= 0 || layer < -states) {
    throw ModelLoadingError("[config] vision_feature_layer is " +
                            std::to_string(named[0]) + " in a tower of " +
                            std::to_string(layers) + " layers");
  }
  return static_cast<int>(layer);
}

TwoLinears read_projector(const models::ModelSource& source, int inputs) {
  const int hidden =
      models::require_size(models::text_config(source.config), "hidden_size");
  const models::WeightReader weights(source.weights, source.backend);
  const std::string projector = "multi_modal_projector.";
  return {.first = weights.linear(projector + "linear_1", hidden, inputs,
                                  models::Bias::kIfPresent),
          .activation = models::read_activation(source.config,
                                                "projector_hidden_act", "gelu"),
          .second = weights.linear(projector + "linear_2", hidden, hidden,
                                   models::Bias::kIfPresent)};
}

LlavaParts read_llava_parts(const models::ModelSource& source) {
  const io::JsonConfig& config = source.config;
  const VitConfig vit = read_vit_config(models::vision_config(config));
  return {
      .vit = Vit(source, vit, feature_layer(config, vit.num_hidden_layers, -2)),
      .projector = read_projector(source, vit.hidden_size),
      .keeps_class = keeps_class_token(config)};
}

TowerPtr make_llava_tower(const models::ModelSource& source) {
  const io::JsonConfig vision = models::vision_config(source.config);
  const std::string type =
      vision.find_string("model_type")
          .value_or(source.config.find_string("model_type").value_or("llava"));
  if (type != "pixtral") {
    return std::make_unique<Tower>(read_llava_parts(source));
  }
  const PixtralConfig config = read_pixtral_config(vision);
  return std::make_unique<PixtralTower>(
      PixtralEncoder(
          source, config,
          feature_layer(source.config, config.num_hidden_layers, -1)),
      read_projector(source, config.hidden_size));
}

}  // namespace abstractllm::vision
