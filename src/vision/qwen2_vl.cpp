// Qwen2-VL, Qwen2.5-VL, Qwen3-VL: any size, as a grid of patches in the order
// in which the merger takes them. pixel_values (patches, 3 * temporal *
// patch^2), image_grid_thw (1, 3) in patches.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "abstractllm/error.h"
#include "vision/kinds.h"
#include "vision/picture.h"

namespace abstractllm::vision {
namespace {

int either(const io::JsonConfig& json, const char* key,
           const io::JsonConfig& tower, const char* tower_key, int otherwise,
           int most) {
  return int_setting(
      json, key, int_setting(tower, tower_key, otherwise, 1, most), 1, most);
}

// Beyond this proportion the model was never shown an image.
constexpr double kMaxProportion = 200;

struct Config {
  int patch = 14;
  int temporal = 2;  // a still image fills this many frames
  int merge = 2;
  std::int64_t min_pixels = 56 * 56;
  std::int64_t max_pixels = 28 * 28 * 1280;
  bool resizes = true;
  Filter filter = Filter::kBicubic;

  // What `json` leaves out is the tower's.
  Config(const io::JsonConfig& json, const io::JsonConfig& tower)
      : patch(either(json, "patch_size", tower, "patch_size", 14, 1024)),
        temporal(either(json, "temporal_patch_size", tower,
                        "temporal_patch_size", 2, 64)),
        merge(either(json, "merge_size", tower, "spatial_merge_size", 2, 64)),
        resizes(json.find_bool("do_resize").value_or(true)),
        filter(filter_setting(json, Filter::kBicubic)) {
    // Both edges are numbers of pixels; the older names come first.
    constexpr int kMost = 1 << 30;
    if (const auto size =
            size_setting(json, "size", SingleNumber::kShortestEdge, kMost)) {
      min_pixels = size->shortest_edge.value_or(static_cast<int>(min_pixels));
      max_pixels = size->longest_edge.value_or(static_cast<int>(max_pixels));
    }
    min_pixels =
        int_setting(json, "min_pixels", static_cast<int>(min_pixels), 1, kMost);
    max_pixels =
        int_setting(json, "max_pixels", static_cast<int>(max_pixels), 1, kMost);
    if (min_pixels > max_pixels) {
      throw ModelLoadingError(fmt::format(
          "[image processor] {}: min_pixels {} is more than max_pixels {}",
          json.origin(), min_pixels, max_pixels));
    }
  }

  int factor() const { return patch * merge; }
};

// Multiples of `factor` near width x height, with min to max pixels. Halves
// are rounded to even, as Python rounds.
Extent smart_resize(Extent size, int factor, std::int64_t min_pixels,
                    std::int64_t max_pixels) {
  const double width = size.width;
  const double height = size.height;
  const auto multiple = [factor](double count) {
    return static_cast<int>(count) * factor;
  };
  Extent result{multiple(std::nearbyint(width / factor)),
                multiple(std::nearbyint(height / factor))};
  if (result.pixels() > max_pixels) {
    const double beta =
        std::sqrt(width * height / static_cast<double>(max_pixels));
    result = {std::max(factor, multiple(std::floor(width / beta / factor))),
              std::max(factor, multiple(std::floor(height / beta / factor)))};
  } else if (result.pixels() < min_pixels) {
    const double beta =
        std::sqrt(static_cast<double>(min_pixels) / (width * height));
    result = {multiple(std::ceil(width * beta / factor)),
              multiple(std::ceil(height * beta / factor))};
  }
  return result;
}

class Qwen2Vl final : public ImageProcessor {
 public:
  explicit Qwen2Vl(const ProcessorFiles& files)
      : config_(files.preprocessor, files.model.find_object("vision_config")
                                        .value_or(io::JsonConfig())),
        values_(files.preprocessor, PixelValues::kClipMean,
                PixelValues::kClipStd) {
    image_token_ = image_token_of(files, "<|image_pad|>");
    placeholder_ = image_token_;
  }

  std::string_view kind() const noexcept override { return "qwen2_vl"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    const double proportion =
        static_cast<double>(std::max(width, height)) / std::min(width, height);
    if (proportion > kMaxProportion) {
      throw ImageProcessingError(
          fmt::format("[image processor] {}x{} pixels are {:.0f} to 1, the "
                      "model takes up to {:.0f} to 1",
                      width, height, proportion, kMaxProportion),
          "crop the image");
    }
    const Extent size = resized({width, height}, budget);
    const int rows = size.height / config_.factor();
    const int columns = size.width / config_.factor();
    return {.image_tokens = rows * columns,
            .prompt_tokens = rows * columns,
            .pixels = size.pixels(),
            .grid_rows = rows,
            .grid_columns = columns,
            .width = size.width,
            .height = size.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    const ResizeJob job = ResizeJob::whole(image, inputs.plan.width,
                                           inputs.plan.height, config_.filter);
    const io::RgbImage resized = std::move(resize(image, {&job, 1}).front());
    const int rows = inputs.plan.height / config_.patch;
    const int columns = inputs.plan.width / config_.patch;
    inputs.integers["image_grid_thw"] = {{1, 3}, {1, rows, columns}};
    inputs.pixel_values = blank(
        {rows * columns, 3 * config_.temporal * config_.patch * config_.patch});
    write_patches(resized, inputs.pixel_values.values);
    return inputs;
  }

 private:
  Extent resized(Extent size, const PixelBudget& budget) const {
    const int factor = config_.factor();
    if (!config_.resizes) {
      if (size.width % factor == 0 && size.height % factor == 0) return size;
      throw ImageProcessingError(
          fmt::format("[image processor] {}x{} pixels: the model's files ask "
                      "for multiples of {}",
                      size.width, size.height, factor));
    }
    const std::int64_t least = std::int64_t{factor} * factor;
    std::int64_t most = config_.max_pixels;
    if (budget.max_pixels) {
      if (*budget.max_pixels < least) require_budget(budget, least, kind());
      most = std::min(most, *budget.max_pixels);
    }
    Extent result =
        smart_resize(size, factor, std::min(config_.min_pixels, most), most);
    // What a minimum or a very long image asks for beyond a budget.
    while (budget.max_pixels && result.pixels() > *budget.max_pixels) {
      (result.width >= result.height ? result.width : result.height) -= factor;
    }
    return result;
  }

  // (rows / merge, columns / merge, merge, merge) patches of (3, temporal,
  // patch, patch).
  void write_patches(const io::RgbImage& image, std::span<float> out) const {
    const int patch = config_.patch;
    const int block = config_.factor();
    const auto plane =
        static_cast<std::size_t>(patch) * static_cast<std::size_t>(patch);
    std::vector<float> planes(3 * plane);
    float* to = out.data();
    for (int top = 0; top < image.height; top += block) {
      for (int left = 0; left < image.width; left += block) {
        for (int i = 0; i < config_.merge * config_.merge; ++i) {
          values_.planes(image, left + i % config_.merge * patch,
                         top + i / config_.merge * patch, patch, patch, planes);
          for (std::size_t channel = 0; channel < 3; ++channel) {
            for (int frame = 0; frame < config_.temporal; ++frame) {
              to = std::copy_n(planes.data() + channel * plane, plane, to);
            }
          }
        }
      }
    }
  }

  Config config_;
  PixelValues values_;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_qwen2_vl(const ProcessorFiles& files) {
  return std::make_unique<Qwen2Vl>(files);
}

}  // namespace abstractllm::vision
