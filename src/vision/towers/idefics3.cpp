// Idefics 3 and SmolVLM: SigLIP over crops, squares of patches side by side in
// one row, one linear layer.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
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
  Tower(Vit vit, ops::Linear projector, int factor)
      : vit_(std::move(vit)),
        projector_(std::move(projector)),
        factor_(factor) {}

  // The crops are of one size and filled, so none of their pixels is masked.
  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const mx::array x = vit_.encode(pixel_array(image.pixel_values, 3), stages);
    return {ops::linear(join_squares(x, factor_), projector_)};
  }

 private:
  Vit vit_;
  ops::Linear projector_;
  int factor_;
};

}  // namespace

TowerPtr make_idefics3_tower(const models::ModelSource& source) {
  const VitConfig config =
      read_vit_config(models::vision_config(source.config));
  const int hidden =
      models::require_size(models::text_config(source.config), "hidden_size");
  const int factor = models::size_or(source.config, "scale_factor", 2);
  if (config.patches_per_side() % factor != 0) {
    throw ModelLoadingError("[config] scale_factor " + std::to_string(factor) +
                            " does not divide " +
                            std::to_string(config.patches_per_side()) +
                            " patches a side");
  }
  return std::make_unique<Tower>(
      Vit(source, config, kWithFinalNorm),
      models::WeightReader(source.weights, source.backend)
          .linear("connector.modality_projection.proj", hidden,
                  config.hidden_size * factor * factor,
                  models::Bias::kIfPresent),
      factor);
}

}  // namespace abstractllm::vision
