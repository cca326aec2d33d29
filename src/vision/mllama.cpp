// Llama 3.2 Vision: the image on a canvas of tiles; one token stands for it,
// and the features are attended to across. pixel_values (1, 1, max tiles, 3,
// side, side), what is not used zero; aspect_ratio_ids (1, 1),
// aspect_ratio_mask (1, 1, max tiles), num_tiles (1, 1).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "abstractllm/error.h"
#include "vision/kinds.h"
#include "vision/picture.h"

namespace abstractllm::vision {
namespace {

struct Tiles {
  int rows = 1;
  int columns = 1;
};

// All arrangements of up to `most` tiles; an id is the place in it, from 1.
std::vector<Tiles> arrangements(int most) {
  std::vector<Tiles> all;
  for (int rows = 1; rows <= most; ++rows) {
    for (int columns = 1; rows * columns <= most; ++columns) {
      all.push_back({rows, columns});
    }
  }
  return all;
}

class Mllama final : public ImageProcessor {
 public:
  explicit Mllama(const ProcessorFiles& files)
      : filter_(filter_setting(files.preprocessor, Filter::kBilinear)),
        values_(files.preprocessor, PixelValues::kHalves, PixelValues::kHalves),
        max_tiles_(
            int_setting(files.preprocessor, "max_image_tiles", 4, 1, 64)),
        arrangements_(arrangements(max_tiles_)) {
    const auto size =
        size_setting(files.preprocessor, "size", SingleNumber::kSquare)
            .value_or(SizeSetting{.width = 224, .height = 224});
    if (!size.width || size.width != size.height) {
      throw ModelLoadingError(
          fmt::format("[image processor] {}: 'size' needs a width and the "
                      "same height",
                      files.preprocessor.origin()));
    }
    side_ = *size.width;
    image_token_ = image_token_of(files, "<|image|>");
    placeholder_ = image_token_;
  }

  std::string_view kind() const noexcept override { return "mllama"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    require_budget(budget, tile_pixels(), kind());
    const Tiles tiles =
        arrangements_[best({width, height}, tiles_within(budget))];
    const Extent size = fitted({width, height}, tiles);
    return {.image_tokens = 1,
            .prompt_tokens = 1,
            .pixels = tiles.rows * tiles.columns * tile_pixels(),
            .crops = tiles.rows * tiles.columns,
            .grid_rows = tiles.rows,
            .grid_columns = tiles.columns,
            .width = size.width,
            .height = size.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    const ImagePlan& plan = inputs.plan;
    const ResizeJob job =
        ResizeJob::whole(image, plan.width, plan.height, filter_);
    io::RgbImage canvas =
        widened(resize(image, {&job, 1}).front(),
                {plan.grid_columns * side_, plan.grid_rows * side_});
    inputs.pixel_values = blank({1, 1, max_tiles_, 3, side_, side_});
    for (int i = 0; i < plan.crops; ++i) {
      values_.planes(canvas, i % plan.grid_columns * side_,
                     i / plan.grid_columns * side_, side_, side_,
                     part(inputs.pixel_values, i, max_tiles_));
    }
    const std::size_t id =
        best({image.width(), image.height()}, tiles_within(budget)) + 1;
    std::vector<std::int32_t> mask(static_cast<std::size_t>(max_tiles_));
    std::fill_n(mask.begin(), plan.crops, 1);
    inputs.integers["aspect_ratio_ids"] = {{1, 1},
                                           {static_cast<std::int32_t>(id)}};
    inputs.integers["aspect_ratio_mask"] = {{1, 1, max_tiles_},
                                            std::move(mask)};
    inputs.integers["num_tiles"] = {{1, 1}, {plan.crops}};
    return inputs;
  }

 private:
  std::int64_t tile_pixels() const { return std::int64_t{side_} * side_; }

  int tiles_within(const PixelBudget& budget) const {
    if (!budget.max_pixels) return max_tiles_;
    return static_cast<int>(
        std::min<std::int64_t>(max_tiles_, *budget.max_pixels / tile_pixels()));
  }

  // The least magnifying arrangement, else the least shrinking one; of equal
  // ones that of fewer tiles, and then the first.
  std::size_t best(Extent image, int most) const {
    std::size_t found = arrangements_.size();
    double chosen = 0;
    for (std::size_t i = 0; i < arrangements_.size(); ++i) {
      const Tiles& tiles = arrangements_[i];
      const int count = tiles.rows * tiles.columns;
      if (count > most) continue;
      const double scale =
          std::min(static_cast<double>(tiles.rows * side_) / image.height,
                   static_cast<double>(tiles.columns * side_) / image.width);
      const bool better =
          found == arrangements_.size() ||
          (scale >= 1 ? chosen < 1 || scale < chosen
                      : chosen < 1 && scale > chosen) ||
          (scale == chosen &&
           count < arrangements_[found].rows * arrangements_[found].columns);
      if (better) {
        found = i;
        chosen = scale;
      }
    }
    return found;
  }

  // Onto the canvas, magnified to one tile at most.
  Extent fitted(Extent image, Tiles tiles) const {
    const int width = std::clamp(image.width, side_, tiles.columns * side_);
    const int height = std::clamp(image.height, side_, tiles.rows * side_);
    const double across = static_cast<double>(width) / image.width;
    const double down = static_cast<double>(height) / image.height;
    const auto scaled = [](double side, int most) {
      return std::min(std::max(1, static_cast<int>(std::floor(side))), most);
    };
    return across < down ? Extent{width, scaled(image.height * across, height)}
                         : Extent{scaled(image.width * down, width), height};
  }

  // Black to the right and below.
  static io::RgbImage widened(const io::RgbImage& image, Extent canvas) {
    io::RgbImage result{.width = canvas.width, .height = canvas.height};
    result.pixels.resize(static_cast<std::size_t>(3 * canvas.pixels()));
    const std::ptrdiff_t row = std::ptrdiff_t{3} * image.width;
    for (std::ptrdiff_t y = 0; y < image.height; ++y) {
      std::copy_n(image.pixels.begin() + y * row, row,
                  result.pixels.begin() + 3 * y * canvas.width);
    }
    return result;
  }

  Filter filter_;
  PixelValues values_;
  int max_tiles_;
  std::vector<Tiles> arrangements_;
  int side_ = 224;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_mllama(const ProcessorFiles& files) {
  return std::make_unique<Mllama>(files);
}

}  // namespace abstractllm::vision
