// Idefics3, SmolVLM: the image cut into square crops, and the whole behind
// them. pixel_values (1, crops + 1, 3, side, side), pixel_attention_mask
// (1, crops + 1, side, side).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"
#include "vision/kinds.h"
#include "vision/picture.h"
#include "vision/placeholders.h"

namespace abstractllm::vision {
namespace {

// No side of a resized image is longer.
constexpr int kLongestSide = 4096;

// The longer side to `longest`, the other even.
Extent with_longest(Extent size, int longest) {
  const double ratio = static_cast<double>(size.width) / size.height;
  const auto even = [](double side) {
    const int whole = static_cast<int>(side);
    return std::max(1, whole + whole % 2);
  };
  const Extent result = size.width >= size.height
                            ? Extent{longest, even(longest / ratio)}
                            : Extent{even(longest * ratio), longest};
  if (std::max(result.width, result.height) <= kLongestSide) return result;
  const double final_ratio = static_cast<double>(result.width) / result.height;
  return result.width >= result.height
             ? Extent{kLongestSide,
                      std::max(1, static_cast<int>(kLongestSide / final_ratio))}
             : Extent{std::max(1, static_cast<int>(kLongestSide * final_ratio)),
                      kLongestSide};
}

// Both sides up to whole crops.
Extent whole_crops(Extent size, int side) {
  const double ratio = static_cast<double>(size.width) / size.height;
  const auto up = [side](int length) {
    return (length + side - 1) / side * side;
  };
  if (size.width >= size.height) {
    const int width = up(size.width);
    return {width, up(static_cast<int>(width / ratio))};
  }
  const int height = up(size.height);
  return {up(static_cast<int>(height * ratio)), height};
}

struct Layout {
  Extent resized{};  // what the image is resized to first
  Extent whole{};    // what the crops are cut from
  int rows = 0;      // 0: the image is one picture
  int columns = 0;
  int pictures() const { return rows * columns + 1; }
};

class Idefics3 final : public ImageProcessor {
 public:
  explicit Idefics3(const ProcessorFiles& files)
      : filter_(filter_setting(files.preprocessor, Filter::kLanczos)),
        splits_(
            files.preprocessor.find_bool("do_image_splitting").value_or(true)),
        resizes_(files.preprocessor.find_bool("do_resize").value_or(true)),
        values_(files.preprocessor, PixelValues::kHalves,
                PixelValues::kHalves) {
    const io::JsonConfig& json = files.preprocessor;
    side_ = size_setting(json, "max_image_size", SingleNumber::kSquare,
                         kLongestSide)
                .value_or(SizeSetting{})
                .longest_edge.value_or(364);
    size_ = size_setting(json, "size", SingleNumber::kSquare)
                .value_or(SizeSetting{.longest_edge = 4 * 364});
    if (!size_.longest_edge && !(size_.width && size_.height)) {
      throw ModelLoadingError(fmt::format(
          "[image processor] {}: 'size' needs longest_edge, or a width and a "
          "height",
          json.origin()));
    }
    image_token_ =
        token_of(files, "image_token", image_token_of(files, "<image>"));
    placeholder_ = image_token_;
    around_ = token_of(files, "fake_image_token", "<fake_token_around_image>");
    global_ = token_of(files, "global_image_token", "<global-img>");
    tokens_ = int_setting(files.processor, "image_seq_len", 169, 1, 1 << 20);
  }

  std::string_view kind() const noexcept override { return "idefics3"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    const Layout layout = layout_of({width, height}, budget);
    const int pictures = layout.pictures();
    // A mark before each picture and its name, one behind the last, a line
    // feed behind each row and before the whole.
    const int marks =
        2 * pictures + 1 + (layout.rows > 0 ? layout.rows + 1 : 0);
    return {.image_tokens = pictures * tokens_,
            .prompt_tokens = pictures * tokens_ + marks,
            .pixels = pictures * picture_pixels(),
            .crops = pictures,
            .grid_rows = layout.rows,
            .grid_columns = layout.columns,
            .width = layout.whole.width,
            .height = layout.whole.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    const Extent size{image.width(), image.height()};
    ImageInputs inputs{.plan = plan(size.width, size.height, budget)};
    const Layout layout = layout_of(size, budget);
    // Each step begins from the rounded pixels of the one before.
    const io::PixelSource first(resized(image, layout.resized));
    const io::PixelSource second(resized(first, layout.whole));
    const io::RgbImage whole = io::read_pixels(second);
    const int pictures = layout.pictures();
    inputs.pixel_values = blank({1, pictures, 3, side_, side_});
    for (int i = 0; i + 1 < pictures; ++i) {
      values_.planes(whole, i % layout.columns * side_,
                     i / layout.columns * side_, side_, side_,
                     part(inputs.pixel_values, i, pictures));
    }
    values_.planes(resized(second, {side_, side_}),
                   part(inputs.pixel_values, pictures - 1, pictures));
    inputs.integers["pixel_attention_mask"] = {
        {1, pictures, side_, side_},
        std::vector<std::int32_t>(static_cast<std::size_t>(inputs.plan.pixels),
                                  1)};
    return inputs;
  }

 protected:
  std::string text_of(const ImagePlan& plan) const override {
    const std::string tokens = repeated(image_token_, tokens_);
    std::string text;
    for (int row = 1; row <= plan.grid_rows; ++row) {
      for (int column = 1; column <= plan.grid_columns; ++column) {
        text += around_ + fmt::format("<row_{}_col_{}>", row, column) + tokens;
      }
      text += "\n";
    }
    if (plan.grid_rows > 0) text += "\n";
    return text + around_ + global_ + tokens + around_;
  }

 private:
  std::int64_t picture_pixels() const { return std::int64_t{side_} * side_; }

  io::RgbImage resized(const io::ImageSource& image, Extent size) const {
    const ResizeJob job =
        ResizeJob::whole(image, size.width, size.height, filter_);
    return std::move(resize(image, {&job, 1}).front());
  }

  Layout laid_out(Extent size, std::optional<int> longest) const {
    Layout layout{.resized = size};
    if (longest) {
      layout.resized = with_longest(size, *longest);
    } else if (resizes_) {
      layout.resized = {*size_.width, *size_.height};
    }
    if (!splits_) {
      layout.whole = {side_, side_};
      return layout;
    }
    layout.whole = whole_crops(layout.resized, side_);
    if (layout.whole.width > side_ || layout.whole.height > side_) {
      layout.rows = layout.whole.height / side_;
      layout.columns = layout.whole.width / side_;
    }
    return layout;
  }

  // Within the budget by a smaller first size, a row of crops at a time.
  Layout layout_of(Extent size, const PixelBudget& budget) const {
    std::optional<int> longest = resizes_ ? size_.longest_edge : std::nullopt;
    Layout layout = laid_out(size, longest);
    if (!budget.max_pixels) return layout;
    require_budget(budget, picture_pixels(), kind());
    const auto fits = [&] {
      return layout.pictures() * picture_pixels() <= *budget.max_pixels;
    };
    int steps = std::max(layout.rows, layout.columns);
    while (!fits() && steps > 1) {
      layout = laid_out(size, --steps * side_);
    }
    if (!fits())
      require_budget(budget, layout.pictures() * picture_pixels(), kind());
    return layout;
  }

  Filter filter_;
  bool splits_;
  bool resizes_;
  PixelValues values_;
  SizeSetting size_{};
  int side_ = 364;
  int tokens_ = 169;  // for each picture
  std::string around_;
  std::string global_;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_idefics3(const ProcessorFiles& files) {
  return std::make_unique<Idefics3>(files);
}

}  // namespace abstractllm::vision
