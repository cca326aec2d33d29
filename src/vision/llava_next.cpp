// LLaVA-NeXT: the image fitted onto the best of a few canvases and cut into
// squares, the whole squeezed into one in front of them. pixel_values
// (1 + crops, 3, side, side); image_sizes (1, 2), height and width of the
// image. SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "abstractllm/error.h"
#include "vision/kinds.h"
#include "vision/picture.h"

namespace abstractllm::vision {
namespace {

// [[height, width], ...]
std::vector<Extent> pinpoints_of(const io::JsonConfig& config) {
  const auto text = config.find_json("image_grid_pinpoints");
  if (!text) {
    return {{672, 336}, {336, 672}, {672, 672}, {336, 1008}, {1008, 336}};
  }
  std::vector<Extent> pinpoints;
  for (const auto& pair : nlohmann::json::parse(*text)) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() ||
        !pair[1].is_number_integer() || pair[0] < 1 || pair[1] < 1 ||
        pair[0] > kMaxSide || pair[1] > kMaxSide) {
      throw ModelLoadingError(
          fmt::format("[image processor] {}: 'image_grid_pinpoints': expected "
                      "pairs of 1 to {}",
                      config.origin(), kMaxSide));
    }
    pinpoints.push_back({pair[1].get<int>(), pair[0].get<int>()});
  }
  return pinpoints;
}

// The canvas that shows most of the image and wastes least.
Extent best_canvas(Extent image, const std::vector<Extent>& canvases) {
  Extent best{};
  std::int64_t most_shown = 0;
  std::int64_t least_wasted = std::numeric_limits<std::int64_t>::max();
  for (const Extent& canvas : canvases) {
    const double scale =
        std::min(static_cast<double>(canvas.width) / image.width,
                 static_cast<double>(canvas.height) / image.height);
    const Extent fitted{static_cast<int>(image.width * scale),
                        static_cast<int>(image.height * scale)};
    const std::int64_t shown = std::min(fitted.pixels(), image.pixels());
    const std::int64_t wasted = canvas.pixels() - shown;
    if (shown > most_shown || (shown == most_shown && wasted < least_wasted)) {
      most_shown = shown;
      least_wasted = wasted;
      best = canvas;
    }
  }
  return best;
}

Extent fitted(Extent image, Extent canvas) {
  const double across = static_cast<double>(canvas.width) / image.width;
  const double down = static_cast<double>(canvas.height) / image.height;
  const auto up = [](double side, int most) {
    return static_cast<int>(std::min<double>(std::ceil(side), most));
  };
  return across < down
             ? Extent{canvas.width, up(image.height * across, canvas.height)}
             : Extent{up(image.width * down, canvas.width), canvas.height};
}

class LlavaNext final : public ImageProcessor {
 public:
  explicit LlavaNext(const ProcessorFiles& files)
      : filter_(filter_setting(files.preprocessor, Filter::kBicubic)),
        values_(files.preprocessor, PixelValues::kClipMean,
                PixelValues::kClipStd),
        canvases_(pinpoints_of(files.preprocessor)) {
    image_token_ = files.processor.find_string("image_token")
                       .value_or(image_token_of(files, "<image>"));
    placeholder_ = image_token_;
    read_sides(files.preprocessor);
    const auto vision =
        files.model.find_object("vision_config").value_or(io::JsonConfig());
    patch_ = int_setting(files.processor, "patch_size",
                         int_setting(vision, "patch_size", 14, 1, kMaxSide), 1,
                         kMaxSide);
    additional_ =
        int_setting(files.processor, "num_additional_image_tokens",
                    files.processor.has("patch_size") ? 0 : 1, 0, 1024);
    auto strategy =
        files.processor.find_string("vision_feature_select_strategy");
    if (!strategy) {
      strategy = files.model.find_string("vision_feature_select_strategy");
    }
    if (strategy.value_or("default") == "default") --additional_;
  }

  std::string_view kind() const noexcept override { return "llava_next"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    const Extent canvas = canvas_for({width, height}, budget);
    const Extent size = fitted({width, height}, canvas);
    const int rows = canvas.height / side_;
    const int columns = canvas.width / side_;
    const int patches = side_ / patch_;
    const int tokens =
        features({width, height}, {patches * columns, patches * rows}) +
        patches * patches + additional_;
    return {.image_tokens = tokens,
            .prompt_tokens = tokens,
            .pixels = seen(canvas),
            .crops = 1 + rows * columns,
            .grid_rows = rows,
            .grid_columns = columns,
            .width = size.width,
            .height = size.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    const ImagePlan& plan = inputs.plan;
    const std::array jobs = {
        ResizeJob::whole(image, side_, side_, filter_),
        ResizeJob::whole(image, plan.width, plan.height, filter_)};
    const auto results = resize(image, jobs);
    inputs.pixel_values = blank({plan.crops, 3, side_, side_});
    values_.planes(results[0], part(inputs.pixel_values, 0, plan.crops));
    const io::RgbImage canvas =
        pasted(results[1], {plan.grid_columns * side_, plan.grid_rows * side_});
    for (int i = 1; i < plan.crops; ++i) {
      values_.planes(canvas, (i - 1) % plan.grid_columns * side_,
                     (i - 1) / plan.grid_columns * side_, side_, side_,
                     part(inputs.pixel_values, i, plan.crops));
    }
    inputs.integers["image_sizes"] = {{1, 2}, {image.height(), image.width()}};
    return inputs;
  }

 private:
  // One side for the crops and for the whole; canvases are made of it.
  void read_sides(const io::JsonConfig& json) {
    const auto size = size_setting(json, "size", SingleNumber::kShortestEdge)
                          .value_or(SizeSetting{.shortest_edge = 224});
    const auto crop = size_setting(json, "crop_size", SingleNumber::kSquare);
    const int whole = size.shortest_edge.value_or(size.height.value_or(0));
    side_ = crop && crop->height ? *crop->height : whole;
    bool fits = whole == side_ && side_ > 0 && !canvases_.empty() &&
                size.width.value_or(side_) == side_ &&
                (!crop || crop->width.value_or(side_) == side_);
    for (const Extent& canvas : canvases_) {
      fits = fits && canvas.width % side_ == 0 && canvas.height % side_ == 0;
    }
    if (fits) return;
    throw ModelLoadingError(
        fmt::format("[image processor] {}: 'size' {}, 'crop_size' {} and "
                    "'image_grid_pinpoints' do not fit squares of one side",
                    json.origin(), whole, side_));
  }

  std::int64_t seen(Extent canvas) const {
    return canvas.pixels() + std::int64_t{side_} * side_;
  }

  Extent canvas_for(Extent image, const PixelBudget& budget) const {
    std::vector<Extent> within;
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const Extent& canvas : canvases_) {
      least = std::min(least, seen(canvas));
      if (!budget.max_pixels || seen(canvas) <= *budget.max_pixels) {
        within.push_back(canvas);
      }
    }
    require_budget(budget, least, kind());
    const Extent canvas = best_canvas(image, within);
    if (canvas.width > 0) return canvas;
    throw ImageProcessingError(
        fmt::format("[image processor] {}x{} pixels are too long for "
                    "llava_next",
                    image.width, image.height),
        "crop the image");
  }

  // Of the canvas's patches those that show the image, and a separator for
  // each row: what the model keeps of the crops.
  static int features(Extent image, Extent patches) {
    const double proportion = static_cast<double>(image.width) / image.height;
    const auto rounded = [](double side) {
      return static_cast<int>(std::nearbyint(side * 1e7) / 1e7);
    };
    if (proportion > static_cast<double>(patches.width) / patches.height) {
      const int height = rounded(
          image.height * (static_cast<double>(patches.width) / image.width));
      patches.height -= (patches.height - height) / 2 * 2;
    } else {
      const int width = rounded(
          image.width * (static_cast<double>(patches.height) / image.height));
      patches.width -= (patches.width - width) / 2 * 2;
    }
    return patches.height * patches.width + patches.height;
  }

  static io::RgbImage pasted(const io::RgbImage& image, Extent canvas) {
    io::RgbImage result{.width = canvas.width, .height = canvas.height};
    result.pixels.resize(static_cast<std::size_t>(3 * canvas.pixels()));
    const std::ptrdiff_t left = (canvas.width - image.width) / 2;
    const std::ptrdiff_t top = (canvas.height - image.height) / 2;
    const std::ptrdiff_t row = std::ptrdiff_t{3} * image.width;
    for (std::ptrdiff_t y = 0; y < image.height; ++y) {
      std::copy_n(
          image.pixels.begin() + y * row, row,
          result.pixels.begin() + 3 * ((top + y) * canvas.width + left));
    }
    return result;
  }

  Filter filter_;
  PixelValues values_;
  std::vector<Extent> canvases_;
  int side_ = 336;
  int patch_ = 14;
  int additional_ = 0;  // image tokens beside patches and separators
};

}  // namespace

std::unique_ptr<ImageProcessor> make_llava_next(const ProcessorFiles& files) {
  return std::make_unique<LlavaNext>(files);
}

}  // namespace abstractllm::vision
