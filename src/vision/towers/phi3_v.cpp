// Phi-3 and 3.5 vision: CLIP over crops that are put together again, with
// learned rows between them ("HD transform").
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

constexpr int kMerge = 2;  // patches a side that become one row

class Tower : public VisionTower {
 public:
  Tower(Vit vit, mx::array line_end, mx::array between, TwoLinears projector)
      : vit_(std::move(vit)),
        line_end_(std::move(line_end)),
        between_(std::move(between)),
        projector_(std::move(projector)) {}

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const std::vector<std::int32_t>& size = integers(image, "image_sizes", 2);
    const int crop = vit_.config().image_size;
    const int rows = size[0] / crop;
    const int columns = size[1] / crop;
    const mx::array pixels = pixel_array(image.pixel_values, 3);
    const int used = 1 + rows * columns;
    if (rows < 1 || columns < 1 || pixels.shape(0) < used) {
      throw InvalidRequestError("[vision] an image of " + std::to_string(rows) +
                                " x " + std::to_string(columns) +
                                " crops came with " +
                                std::to_string(pixels.shape(0) - 1));
    }
    // What follows is padding up to the largest number of crops.
    const mx::array patches = merge(vit_.encode(
        mx::slice(pixels, {0, 0, 0, 0},
                  {used, pixels.shape(1), pixels.shape(2), pixels.shape(3)}),
        stages));
    const auto crops = [&](int first, int last) {
      return mx::slice(
          patches, {first, 0, 0, 0},
          {last, patches.shape(1), patches.shape(2), patches.shape(3)});
    };
    const mx::array all =
        mx::concatenate({with_line_ends(crops(1, used), rows, columns),
                         between_, with_line_ends(crops(0, 1), 1, 1)},
                        0);
    return {run(all, projector_)};
  }

 private:
  // (crops, patches, hidden) -> (crops, side, side, 4 * hidden)
  mx::array merge(const mx::array& x) const {
    const int side = vit_.config().patches_per_side() / kMerge;
    return mx::reshape(join_squares(x, kMerge), {x.shape(0), side, side, -1});
  }

  // Crops side by side as they lie in the image, one learned row behind each
  // line: (tokens, 4 * hidden).
  mx::array with_line_ends(const mx::array& crops, int rows,
                           int columns) const {
    const int side = crops.shape(1);
    const int width = crops.shape(3);
    const mx::array lines = mx::reshape(
        mx::transpose(mx::reshape(crops, {rows, columns, side, side, width}),
                      {0, 2, 1, 3, 4}),
        {rows * side, columns * side, width});
    const mx::array ends = mx::broadcast_to(
        mx::reshape(mx::astype(line_end_, lines.dtype()), {1, 1, width}),
        {rows * side, 1, width});
    return mx::reshape(mx::concatenate({lines, ends}, 1), {-1, width});
  }

  Vit vit_;
  mx::array line_end_;  // (1, 4 * hidden), sub_GN
  mx::array between_;   // (1, 4 * hidden), glb_GN
  TwoLinears projector_;
};

// Every published checkpoint has CLIP ViT-L/14-336, so that its config says no
// sizes.
io::JsonConfig tower_config(const io::JsonConfig& config) {
  const io::JsonConfig published = io::JsonConfig::parse(
      R"({"hidden_size": 1024, "intermediate_size": 4096,
          "num_hidden_layers": 24, "num_attention_heads": 16,
          "image_size": 336, "patch_size": 14, "num_channels": 3,
          "layer_norm_eps": 1e-5, "hidden_act": "quick_gelu"})",
      "CLIP ViT-L/14-336");
  const auto own = config.find_object("vision_config");
  return own ? own->with_defaults(published) : published;
}

}  // namespace

TowerPtr make_phi3_v_tower(const models::ModelSource& source) {
  const io::JsonConfig& config = source.config;
  const auto order = config.find_object("embd_layer");
  if (order && order->find_string("hd_transform_order").value_or("sub_glb") !=
                   "sub_glb") {
    throw UnsupportedModelError("[config] hd_transform_order is '" +
                                *order->find_string("hd_transform_order") +
                                "', expected sub_glb");
  }
  const VitConfig vit = read_vit_config(tower_config(config));
  const int hidden = models::require_size(config, "hidden_size");
  const int width = vit.hidden_size * kMerge * kMerge;
  const models::WeightReader weights(source.weights, source.backend);
  const std::string prefix = "vision_embed_tokens.";
  const auto learned = [&](const char* name) {
    return mx::reshape(
        ops::make_vector(source.backend, weights.vector(prefix + name, width)),
        {1, width});
  };
  return std::make_unique<Tower>(
      Vit(source, vit, -2), learned("sub_GN"), learned("glb_GN"),
      TwoLinears{.first = weights.linear(prefix + "img_projection.0", hidden,
                                         width, models::Bias::kIfPresent),
                 .activation = ops::Activation::kGelu,
                 .second = weights.linear(prefix + "img_projection.2", hidden,
                                          hidden, models::Bias::kIfPresent)});
}

}  // namespace abstractllm::vision
