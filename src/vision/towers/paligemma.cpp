// PaliGemma: SigLIP and one linear layer.
// SPDX-License-Identifier: Apache-2.0
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "models/common/vision_language.h"
#include "vision/towers/towers.h"
#include "vision/towers/vit.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

class Tower : public VisionTower {
 public:
  Tower(Vit vit, ops::Linear projector)
      : vit_(std::move(vit)), projector_(std::move(projector)) {}

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const mx::array x = vit_.encode(pixel_array(image.pixel_values, 3), stages);
    return {ops::linear(mx::reshape(x, {-1, x.shape(-1)}), projector_)};
  }

 private:
  Vit vit_;
  ops::Linear projector_;
};

}  // namespace

TowerPtr make_paligemma_tower(const models::ModelSource& source) {
  const VitConfig config =
      read_vit_config(models::vision_config(source.config));
  const int hidden =
      models::require_size(models::text_config(source.config), "hidden_size");
  return std::make_unique<Tower>(
      Vit(source, config, kWithFinalNorm),
      models::WeightReader(source.weights, source.backend)
          .linear("multi_modal_projector.linear", hidden, config.hidden_size,
                  models::Bias::kIfPresent));
}

}  // namespace abstractllm::vision
