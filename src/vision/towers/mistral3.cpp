// Mistral 3: Pixtral's tower, squares of patches merged by one linear layer,
// two more of them.
// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "models/common/vision_language.h"
#include "vision/towers/llava.h"
#include "vision/towers/pixtral.h"
#include "vision/towers/towers.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

class Tower : public VisionTower {
 public:
  Tower(PixtralEncoder encoder, ops::Norm norm, ops::Linear merger,
        TwoLinears projector, int merge)
      : encoder_(std::move(encoder)),
        norm_(std::move(norm)),
        merger_(std::move(merger)),
        projector_(std::move(projector)),
        merge_(merge) {}

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const PatchRows patches = encoder_.encode(image, stages);
    const int size = encoder_.config().hidden_size;
    const int rows = patches.height / merge_;
    const int columns = patches.width / merge_;
    // Patches that fill no square are left out, as the published code unfolds.
    const mx::array grid =
        mx::slice(mx::reshape(ops::normalise(patches.rows, norm_),
                              {patches.height, patches.width, size}),
                  {0, 0, 0}, {rows * merge_, columns * merge_, size});
    const mx::array squares =
        mx::transpose(mx::reshape(grid, {rows, merge_, columns, merge_, size}),
                      {0, 2, 4, 1, 3});
    const mx::array merged = ops::linear(
        mx::reshape(squares, {rows * columns, size * merge_ * merge_}),
        merger_);
    return {run(merged, projector_)};
  }

 private:
  PixtralEncoder encoder_;
  ops::Norm norm_;
  ops::Linear merger_;
  TwoLinears projector_;
  int merge_;
};

}  // namespace

TowerPtr make_mistral3_tower(const models::ModelSource& source) {
  const io::JsonConfig& config = source.config;
  const PixtralConfig vision =
      read_pixtral_config(models::vision_config(config));
  const io::JsonConfig text = models::text_config(config);
  const int merge = models::size_or(config, "spatial_merge_size", 2);
  const models::WeightReader weights(source.weights, source.backend);
  const std::string projector = "multi_modal_projector.";
  return std::make_unique<Tower>(
      PixtralEncoder(source, vision,
                     feature_layer(config, vision.num_hidden_layers, -1)),
      weights.norm(ops::NormKind::kRms, projector + "norm", vision.hidden_size,
                   models::number_or(text, "rms_norm_eps", 1e-6)),
      weights.linear(projector + "patch_merger.merging_layer",
                     vision.hidden_size, vision.hidden_size * merge * merge,
                     models::Bias::kIfPresent),
      read_projector(source, vision.hidden_size), merge);
}

}  // namespace abstractllm::vision
