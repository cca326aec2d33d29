// Pixtral, Mistral 3: any size up to a longest edge, in whole (merged) patches.
// pixel_values (1, 3, height, width); image_sizes (1, 2), height and width.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "vision/kinds.h"
#include "vision/picture.h"
#include "vision/placeholders.h"

namespace abstractllm::vision {
namespace {

class Pixtral final : public ImageProcessor {
 public:
  explicit Pixtral(const ProcessorFiles& files)
      : filter_(filter_setting(files.preprocessor, Filter::kBicubic)),
        values_(files.preprocessor, PixelValues::kClipMean,
                PixelValues::kClipStd) {
    image_token_ = files.processor.find_string("image_token")
                       .value_or(image_token_of(files, "[IMG]"));
    placeholder_ = image_token_;
    break_ = files.processor.find_string("image_break_token")
                 .value_or("[IMG_BREAK]");
    end_ = files.processor.find_string("image_end_token").value_or("[IMG_END]");
    const auto vision =
        files.model.find_object("vision_config").value_or(io::JsonConfig());
    const int patch =
        int_setting(files.processor, "patch_size",
                    int_setting(vision, "patch_size", 16, 1, 1024), 1, 1024);
    const int merge = int_setting(
        files.processor, "spatial_merge_size",
        int_setting(files.model, "spatial_merge_size", 1, 1, 64), 1, 64);
    block_ = patch * merge;
    const auto size =
        size_setting(files.preprocessor, "size", SingleNumber::kSquare)
            .value_or(SizeSetting{.longest_edge = 1024});
    const int longest = size.longest_edge.value_or(1024);
    most_ = {size.width.value_or(longest), size.height.value_or(longest)};
  }

  std::string_view kind() const noexcept override { return "pixtral"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    const Extent size = resized({width, height}, budget);
    const int rows = size.height / block_;
    const int columns = size.width / block_;
    return {.image_tokens = rows * columns,
            .prompt_tokens = rows * (columns + 1),
            .pixels = size.pixels(),
            .grid_rows = rows,
            .grid_columns = columns,
            .width = size.width,
            .height = size.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    const auto [width, height] = Extent{inputs.plan.width, inputs.plan.height};
    const ResizeJob job = ResizeJob::whole(image, width, height, filter_);
    const auto result = resize(image, {&job, 1});
    inputs.pixel_values = blank({1, 3, height, width});
    values_.planes(result.front(), inputs.pixel_values.values);
    inputs.integers["image_sizes"] = {{1, 2}, {height, width}};
    return inputs;
  }

 protected:
  std::string text_of(const ImagePlan& plan) const override {
    const std::string row = repeated(image_token_, plan.grid_columns);
    return repeated(row + break_, plan.grid_rows - 1) + row + end_;
  }

 private:
  Extent in_blocks(Extent size, Extent most) const {
    const double ratio =
        std::max(static_cast<double>(size.height) / most.height,
                 static_cast<double>(size.width) / most.width);
    if (ratio > 1) {
      // The reference fails where a side becomes 0.
      size.height = std::max(1, static_cast<int>(size.height / ratio));
      size.width = std::max(1, static_cast<int>(size.width / ratio));
    }
    const auto up = [this](int side) {
      return ((side - 1) / block_ + 1) * block_;
    };
    return {up(size.width), up(size.height)};
  }

  Extent resized(Extent size, const PixelBudget& budget) const {
    Extent result = in_blocks(size, most_);
    if (!budget.max_pixels) return result;
    require_budget(budget, std::int64_t{block_} * block_, kind());
    Extent most = most_;
    while (result.pixels() > *budget.max_pixels) {
      // What fits into the smaller one is at least a row of blocks less.
      const int longest = std::max(result.width, result.height) - block_;
      most = {std::min(most.width, longest), std::min(most.height, longest)};
      result = in_blocks(size, most);
    }
    return result;
  }

  Filter filter_;
  PixelValues values_;
  Extent most_{};
  int block_ = 16;  // side of what one token stands for
  std::string break_;
  std::string end_;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_pixtral(const ProcessorFiles& files) {
  return std::make_unique<Pixtral>(files);
}

}  // namespace abstractllm::vision
