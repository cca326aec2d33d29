// LLaVA 1.5: CLIP's patches before its last layer, two linear layers.
// SPDX-License-Identifier: Apache-2.0
#include "vision/towers/llava.h"

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "models/common/vision_language.h"
#include "vision/towers/towers.h"
#include "vision/towers/vit.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

// The hidden state that vision_feature_layer names, counted from the end.
int feature_layer(const io::JsonConfig& config, const VitConfig& vit) {
  const auto layers = config.find_ints("vision_feature_layer")
                          .value_or(std::vector<std::int64_t>{-2});
  if (layers.size() != 1) {
    throw UnsupportedModelError(
        "[config] vision_feature_layer names " + std::to_string(layers.size()) +
        " layers; features of several are not supported");
  }
  const std::int64_t states = vit.num_hidden_layers + 1;
  const std::int64_t layer = layers[0] < 0 ? layers[0] : layers[0] - states;
  if (layer >= 0 || layer < -states) {
    throw ModelLoadingError("[config] vision_feature_layer is " +
                            std::to_string(layers[0]) + " in a tower of " +
                            std::to_string(vit.num_hidden_layers) + " layers");
  }
  return static_cast<int>(layer);
}

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

  models::ImageFeatures encode(const ImageInputs& image) const override {
    const mx::array x = parts_.vit.encode(pixel_array(image.pixel_values, 3),
                                          parts_.keeps_class);
    return {run(mx::reshape(x, {-1, x.shape(-1)}), parts_.projector)};
  }

 private:
  LlavaParts parts_;
};

}  // namespace

LlavaParts read_llava_parts(const models::ModelSource& source) {
  const io::JsonConfig& config = source.config;
  const VitConfig vit = read_vit_config(models::vision_config(config));
  const int hidden =
      models::require_size(models::text_config(config), "hidden_size");
  const models::WeightReader weights(source.weights, source.backend);
  const std::string projector = "multi_modal_projector.";
  return {.vit = Vit(source, vit, feature_layer(config, vit)),
          .projector =
              TwoLinears{
                  .first =
                      weights.linear(projector + "linear_1", hidden,
                                     vit.hidden_size, models::Bias::kIfPresent),
                  .activation = models::read_activation(
                      config, "projector_hidden_act", "gelu"),
                  .second = weights.linear(projector + "linear_2", hidden,
                                           hidden, models::Bias::kIfPresent)},
          .keeps_class = keeps_class_token(config)};
}

TowerPtr make_llava_tower(const models::ModelSource& source) {
  return std::make_unique<Tower>(read_llava_parts(source));
}

}  // namespace abstractllm::vision
