// InternVL: the image stretched over a grid of square crops, and the whole
// behind them. pixel_values (crops + 1, 3, height, width); num_patches (1).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "abstractllm/error.h"
#include "vision/kinds.h"
#include "vision/picture.h"
#include "vision/placeholders.h"

namespace abstractllm::vision {
namespace {

struct Grid {
  int columns = 1;
  int rows = 1;
  int cells() const { return columns * rows; }
};

bool is_authors(const ProcessorFiles& files) {
  return files.model.find_string("model_type") == "internvl_chat";
}

class InternVl final : public ImageProcessor {
 public:
  explicit InternVl(const ProcessorFiles& files)
      : filter_(filter_setting(files.preprocessor, Filter::kBicubic)),
        values_(files.preprocessor, PixelValues::kClipMean,
                PixelValues::kClipStd),
        cuts_(files.preprocessor.find_bool("crop_to_patches")
                  .value_or(files.model.find_bool("dynamic_image_size")
                                .value_or(!is_authors(files)))),
        shows_whole_(files.model.find_bool("use_thumbnail")
                         .value_or(!is_authors(files))),
        least_(int_setting(
            files.preprocessor, "min_patches",
            int_setting(files.model, "min_dynamic_patch", 1, 1, 256), 1, 256)),
        most_(int_setting(files.preprocessor, "max_patches",
                          int_setting(files.model, "max_dynamic_patch",
                                      is_authors(files) ? 6 : 12, 1, 256),
                          1, 256)) {
    image_token_ = token_of(files, "context_image_token",
                            image_token_of(files, "<IMG_CONTEXT>"));
    placeholder_ = image_token_;
    start_ = token_of(files, "start_image_token", "<img>");
    end_ = token_of(files, "end_image_token", "</img>");
    if (is_authors(files)) {
      read_own_sizes(files.model);
      return;
    }
    const auto size =
        size_setting(files.preprocessor, "size", SingleNumber::kSquare)
            .value_or(SizeSetting{.width = 384, .height = 384});
    if (!size.width || !size.height) {
      throw ModelLoadingError(
          fmt::format("[image processor] {}: 'size' needs a width and a "
                      "height",
                      files.preprocessor.origin()));
    }
    side_ = {*size.width, *size.height};
    tokens_ = int_setting(
        files.processor, "image_seq_length",
        int_setting(files.model, "image_seq_length", 256, 1, 1 << 20), 1,
        1 << 20);
  }

  std::string_view kind() const noexcept override { return "internvl"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    require_budget(budget, side_.pixels(), kind());
    const Grid grid = grid_of({width, height}, budget);
    const int pictures = grid.cells() + (has_whole(grid.cells()) ? 1 : 0);
    return {.image_tokens = pictures * tokens_,
            .prompt_tokens = pictures * tokens_ + 2,
            .pixels = pictures * side_.pixels(),
            .crops = pictures,
            .grid_rows = grid.rows,
            .grid_columns = grid.columns,
            .width = grid.columns * side_.width,
            .height = grid.rows * side_.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    const ImagePlan& plan = inputs.plan;
    std::vector<ResizeJob> jobs{
        ResizeJob::whole(image, plan.width, plan.height, filter_)};
    const int cells = plan.grid_rows * plan.grid_columns;
    if (has_whole(cells)) {
      jobs.push_back(
          ResizeJob::whole(image, side_.width, side_.height, filter_));
    }
    const auto results = resize(image, jobs);
    inputs.pixel_values = blank({plan.crops, 3, side_.height, side_.width});
    for (int i = 0; i < cells; ++i) {
      values_.planes(results[0], i % plan.grid_columns * side_.width,
                     i / plan.grid_columns * side_.height, side_.width,
                     side_.height, part(inputs.pixel_values, i, plan.crops));
    }
    if (has_whole(cells)) {
      values_.planes(results[1],
                     part(inputs.pixel_values, plan.crops - 1, plan.crops));
    }
    inputs.integers["num_patches"] = {{1}, {plan.crops}};
    return inputs;
  }

 protected:
  std::string text_of(const ImagePlan& plan) const override {
    return start_ + repeated(image_token_, plan.image_tokens) + end_;
  }

 private:
  // Of its authors' layout, where the model's config has them.
  void read_own_sizes(const io::JsonConfig& model) {
    const io::JsonConfig tower = model.require_object("vision_config");
    const int tower_side = int_setting(tower, "image_size", 448, 1, kMaxSide);
    const int side =
        int_setting(model, "force_image_size", tower_side, 1, kMaxSide);
    if (side != tower_side) {
      throw UnsupportedModelError(fmt::format(
          "[image processor] {}: force_image_size is {}, and the tower's "
          "positions are for {} pixels a side",
          model.origin(), side, tower_side));
    }
    const int patch = int_setting(tower, "patch_size", 14, 1, side);
    const double ratio = model.find_number("downsample_ratio").value_or(0.5);
    const int tokens = static_cast<int>(side / patch * ratio);
    if (!(ratio > 0 && ratio <= 1) || tokens < 1) {
      throw ModelLoadingError(fmt::format(
          "[image processor] {}: {} pixels a side, patches of {} and a "
          "downsample_ratio of {} cannot be",
          model.origin(), side, patch, ratio));
    }
    side_ = {side, side};
    tokens_ = tokens * tokens;
  }

  bool has_whole(int cells) const { return cells > 1 && shows_whole_; }

  int most_within(const PixelBudget& budget) const {
    if (!budget.max_pixels) return most_;
    const std::int64_t pictures = *budget.max_pixels / side_.pixels();
    return static_cast<int>(std::clamp<std::int64_t>(pictures - 1, 1, most_));
  }

  // The grid whose proportion is nearest; of equal ones the larger, as long as
  // the image has more than half of its pixels.
  Grid grid_of(Extent image, const PixelBudget& budget) const {
    const int most = most_within(budget);
    if (!cuts_ || most == 1) return {};
    std::vector<Grid> grids;
    for (int columns = 1; columns <= most; ++columns) {
      for (int rows = 1; columns * rows <= most; ++rows) {
        if (columns * rows >= least_) grids.push_back({columns, rows});
      }
    }
    std::stable_sort(
        grids.begin(), grids.end(),
        [](const Grid& a, const Grid& b) { return a.cells() < b.cells(); });
    const double proportion = static_cast<double>(image.width) / image.height;
    double nearest = std::numeric_limits<double>::infinity();
    Grid best;
    for (const Grid& grid : grids) {
      const double away =
          std::abs(proportion - static_cast<double>(grid.columns) / grid.rows);
      if (away < nearest ||
          (away == nearest &&
           static_cast<double>(image.pixels()) >
               0.5 * static_cast<double>(side_.pixels()) * grid.cells())) {
        nearest = away;
        best = grid;
      }
    }
    return best;
  }

  Filter filter_;
  PixelValues values_;
  bool cuts_;
  bool shows_whole_;  // behind several crops
  int least_;         // crops
  int most_;
  Extent side_{};
  int tokens_ = 256;  // for each picture
  std::string start_;
  std::string end_;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_internvl(const ProcessorFiles& files) {
  return std::make_unique<InternVl>(files);
}

}  // namespace abstractllm::vision
