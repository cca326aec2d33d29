// Qwen2-VL's tower, arXiv:2409.12191.
// SPDX-License-Identifier: Apache-2.0
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "vision/towers/qwen.h"
#include "vision/towers/towers.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

QwenVisionConfig read_config(const io::JsonConfig& config) {
  QwenVisionConfig read = read_qwen_vision_config(config);
  read.embed = models::require_size(config, "embed_dim");
  read.out_hidden_size = models::require_size(config, "hidden_size");
  read.intermediate_size =
      static_cast<int>(models::number_or(config, "mlp_ratio", 4) *
                       static_cast<float>(read.embed));
  read.activation = models::read_activation(config, "hidden_act", "quick_gelu");
  return read;
}

QwenMerger read_merger(const models::WeightReader& weights,
                       const QwenVisionConfig& config) {
  const std::string prefix = "vision_tower.merger.";
  const int size = config.merged();
  return {.norm = weights.norm(ops::NormKind::kLayer, prefix + "ln_q",
                               config.embed, kQwenEps),
          .mlp = TwoLinears{
              .first = weights.linear(prefix + "mlp.0", size, size,
                                      models::Bias::kIfPresent),
              .activation = ops::Activation::kGelu,
              .second = weights.linear(prefix + "mlp.2", config.out_hidden_size,
                                       size, models::Bias::kIfPresent)}};
}

class Tower : public VisionTower {
 public:
  Tower(const models::ModelSource& source, QwenVisionConfig config)
      : config_(config),
        patch_(read_qwen_patches(source, config, models::Bias::kIfPresent)),
        merger_(read_merger(
            models::WeightReader(source.weights, source.backend), config)) {
    const models::WeightReader weights(source.weights, source.backend);
    for (int i = 0; i < config.depth; ++i) {
      layers_.push_back(
          read_qwen_layer(weights, config, i, "mlp.fc1", "mlp.fc2"));
    }
  }

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const PatchGrid grid = read_grid(image, config_);
    auto layout = std::make_shared<ops::EncoderLayout>(
        *equal_stretches(grid.frames, grid.rows * grid.columns));
    layout->angles =
        patch_angles(patch_places(grid, config_.merge), config_.head_dim());
    mx::array x = ops::linear(pixel_array(image.pixel_values, 1), patch_);
    x = run_layers(x, layers_, layout, stages);
    return {merge(x, merger_, config_)};
  }

 private:
  QwenVisionConfig config_;
  ops::Linear patch_;
  QwenMerger merger_;
  std::vector<EncoderLayer> layers_;
};

}  // namespace

TowerPtr make_qwen2_vl_tower(const models::ModelSource& source) {
  return std::make_unique<Tower>(
      source, read_config(source.config.require_object("vision_config")));
}

}  // namespace abstractllm::vision
