// LLaVA-NeXT (1.6): LLaVA over an overview and crops, which are put together
// and freed of their margins, a learned row behind each line.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "abstractllm/error.h"
#include "mlx/ops.h"
#include "models/common/config_fields.h"
#include "models/common/vision_language.h"
#include "vision/towers/llava.h"
#include "vision/towers/towers.h"

namespace abstractllm::vision {

namespace mx = mlx::core;

namespace {

// Lines or columns [first, last) that show the image rather than its margin.
struct Range {
  int first;
  int last;
};

// As the published code rounds; `own` and `other` are the image's sides, of
// which `other` fills `other_size`.
Range without_margin(int size, int own, int other, int other_size) {
  const double scale = static_cast<double>(other_size) / other;
  const double exact = std::round(own * scale * 1e7) / 1e7;
  const int margin = (size - static_cast<int>(exact)) / 2;
  return {margin, size - margin};
}

class Tower : public VisionTower {
 public:
  Tower(Vit vit, TwoLinears projector, mx::array line_end)
      : vit_(std::move(vit)),
        projector_(std::move(projector)),
        line_end_(std::move(line_end)) {}

  models::ImageFeatures encode(const ImageInputs& image,
                               Stages& stages) const override {
    const std::vector<std::int32_t>& size = integers(image, "image_sizes", 2);
    const mx::array pixels = pixel_array(image.pixel_values, 3);
    const int rows = image.plan.grid_rows;
    const int columns = image.plan.grid_columns;
    if (rows < 1 || columns < 1 || pixels.shape(0) < 1 + rows * columns ||
        size[0] < 1 || size[1] < 1) {
      throw InvalidRequestError("[vision] an image of " + std::to_string(rows) +
                                " x " + std::to_string(columns) +
                                " crops came with " +
                                std::to_string(pixels.shape(0) - 1));
    }
    // What follows is padding up to the most crops of a batch.
    const mx::array patches =
        vit_.encode(mx::slice(pixels, {0, 0, 0, 0},
                              {1 + rows * columns, pixels.shape(1),
                               pixels.shape(2), pixels.shape(3)}),
                    stages);
    const mx::array all =
        run(mx::reshape(patches, {-1, patches.shape(2)}), projector_);
    const int hidden = all.shape(1);
    const int side = vit_.config().patches_per_side();
    const mx::array overview = mx::slice(all, {0, 0}, {side * side, hidden});
    mx::array lines = mx::reshape(
        mx::transpose(mx::reshape(mx::slice(all, {side * side, 0}, all.shape()),
                                  {rows, columns, side, side, hidden}),
                      {0, 2, 1, 3, 4}),
        {rows * side, columns * side, hidden});
    lines = unpadded(lines, size[0], size[1]);
    const mx::array ends = mx::broadcast_to(
        mx::reshape(mx::astype(line_end_, lines.dtype()), {1, 1, hidden}),
        {lines.shape(0), 1, hidden});
    return {mx::concatenate(
        {overview,
         mx::reshape(mx::concatenate({lines, ends}, 1), {-1, hidden})},
        0)};
  }

 private:
  // lines: (rows, columns, hidden) of an image of height x width.
  static mx::array unpadded(const mx::array& lines, int height, int width) {
    const int rows = lines.shape(0);
    const int columns = lines.shape(1);
    Range down{0, rows};
    Range across{0, columns};
    if (static_cast<double>(width) / height >
        static_cast<double>(columns) / rows) {
      down = without_margin(rows, height, width, columns);
    } else {
      across = without_margin(columns, width, height, rows);
    }
    return mx::slice(lines, {down.first, across.first, 0},
                     {down.last, across.last, lines.shape(2)});
  }

  Vit vit_;
  TwoLinears projector_;
  mx::array line_end_;  // (hidden), image_newline
};

}  // namespace

TowerPtr make_llava_next_tower(const models::ModelSource& source) {
  const LlavaParts parts = read_llava_parts(source);
  if (parts.keeps_class) {
    throw UnsupportedModelError(
        "[config] vision_feature_select_strategy is 'full', which crops cannot "
        "be put together from");
  }
  const int hidden = parts.projector.second.outputs();
  return std::make_unique<Tower>(
      parts.vit, parts.projector,
      ops::make_vector(source.backend,
                       models::WeightReader(source.weights, source.backend)
                           .vector("image_newline", hidden)));
}

}  // namespace abstractllm::vision
