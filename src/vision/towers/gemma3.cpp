// Gemma 3: SigLIP, averages over squares of patches, one projection.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

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
  Tower(Vit vit, ops::Norm norm, ops::Linear projector, int side)
      : vit_(std::move(vit)),
        norm_(std::move(norm)),
        projector_(std::move(projector)),
        side_(side) {}

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const mx::array x = vit_.encode(pixel_array(image.pixel_values, 3), stages);
    const int images = x.shape(0);
    const int hidden = x.shape(2);
    const int square = vit_.config().patches_per_side() / side_;
    const mx::array squares =
        mx::reshape(x, {images, side_, square, side_, square, hidden});
    const mx::array averages =
        mx::reshape(mx::mean(squares, std::vector<int>{2, 4}),
                    {images * side_ * side_, hidden});
    return {ops::linear(ops::normalise(averages, norm_), projector_)};
  }

 private:
  Vit vit_;
  ops::Norm norm_;
  ops::Linear projector_;
  int side_;  // tokens
};

// Tokens along a side of the image.
int token_side(const io::JsonConfig& config, const VitConfig& vit) {
  const int tokens = models::size_or(config, "mm_tokens_per_image", 256);
  const int side = static_cast<int>(std::lround(std::sqrt(tokens)));
  if (side * side != tokens || vit.patches_per_side() % side != 0) {
    throw ModelLoadingError(
        "[config] mm_tokens_per_image is " + std::to_string(tokens) +
        ", which does not divide " + std::to_string(vit.patches_per_side()) +
        " patches a side");
  }
  return side;
}

}  // namespace

TowerPtr make_gemma3_tower(const models::ModelSource& source) {
  const VitConfig config =
      read_vit_config(models::vision_config(source.config));
  const int hidden =
      models::require_size(models::text_config(source.config), "hidden_size");
  const models::WeightReader weights(source.weights, source.backend);
  const std::string projector = "multi_modal_projector.";
  return std::make_unique<Tower>(
      Vit(source, config, kWithFinalNorm),
      weights.norm(ops::NormKind::kRms, projector + "mm_soft_emb_norm",
                   config.hidden_size, config.layer_norm_eps, /* offset = */ 1),
      weights.transposed_linear(projector + "mm_input_projection_weight",
                                hidden, config.hidden_size),
      token_side(source.config, config));
}

}  // namespace abstractllm::vision
