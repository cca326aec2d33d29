// Gemma 3: one square picture, and with pan and scan crops of a long image.
// pixel_values (1 + crops, 3, height, width), the whole image first;
// num_crops (1).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "vision/kinds.h"
#include "vision/picture.h"
#include "vision/placeholders.h"

namespace abstractllm::vision {
namespace {

struct PanAndScan {
  bool on = false;
  int min_crop_size = 256;
  int max_crops = 4;
  double min_ratio = 1.2;

  explicit PanAndScan(const io::JsonConfig& json)
      : on(json.find_bool("do_pan_and_scan").value_or(false)),
        min_crop_size(
            int_setting(json, "pan_and_scan_min_crop_size", 256, 1, kMaxSide)),
        max_crops(int_setting(json, "pan_and_scan_max_num_crops", 4, 1, 256)),
        min_ratio(json.find_number("pan_and_scan_min_ratio_to_activate")
                      .value_or(1.2)) {}

  // How many crops an image of these sides is cut into, up to `most`; 0 for
  // none.
  int crops(int longer, int shorter, int most) const {
    const double ratio = static_cast<double>(longer) / shorter;
    if (!on || ratio < min_ratio || most < 2) return 0;
    int count = static_cast<int>(std::floor(ratio + 0.5));
    count = std::min(longer / min_crop_size, count);
    count = std::min(std::min(max_crops, most), std::max(2, count));
    if (count < 1) return 0;
    const int size = (longer + count - 1) / count;
    return std::min(size, shorter) < min_crop_size ? 0 : count;
  }
};

class Gemma3 final : public ImageProcessor {
 public:
  explicit Gemma3(const ProcessorFiles& files)
      : picture_(files.preprocessor, {.size = {.width = 224, .height = 224},
                                      .filter = Filter::kBilinear}),
        pan_and_scan_(files.preprocessor) {
    image_token_ = token_of(files, "image_token",
                            image_token_of(files, "<image_soft_token>"));
    placeholder_ = token_of(files, "boi_token", "<start_of_image>");
    end_ = token_of(files, "eoi_token", "<end_of_image>");
    tokens_ = int_setting(
        files.processor, "image_seq_length",
        int_setting(
            files.preprocessor, "image_seq_length",
            int_setting(files.model, "mm_tokens_per_image", 256, 1, 1 << 20), 1,
            1 << 20),
        1, 1 << 20);
  }

  std::string_view kind() const noexcept override { return "gemma3"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    const Extent seen = picture_.visible(width, height);
    require_budget(budget, seen.pixels(), kind());
    const std::int64_t most = budget.max_pixels
                                  ? *budget.max_pixels / seen.pixels() - 1
                                  : pan_and_scan_.max_crops;
    const int crops = pan_and_scan_.crops(
        std::max(width, height), std::min(width, height),
        static_cast<int>(std::min<std::int64_t>(most, 1 << 20)));
    const int pictures = 1 + crops;
    return {.image_tokens = pictures * tokens_,
            .prompt_tokens = pictures * (tokens_ + 2),
            .pixels = pictures * seen.pixels(),
            .crops = pictures,
            .grid_rows = width >= height ? std::min(crops, 1) : crops,
            .grid_columns = width >= height ? crops : std::min(crops, 1),
            .width = seen.width,
            .height = seen.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    const ImagePlan& plan = inputs.plan;
    std::vector<Window> regions{
        {.width = image.width(), .height = image.height()}};
    cut(image, plan, regions);
    std::vector<ResizeJob> jobs;
    for (const Window& region : regions) jobs.push_back(picture_.job(region));
    const auto results = resize(image, jobs);
    inputs.pixel_values = blank({plan.crops, 3, plan.height, plan.width});
    for (std::size_t i = 0; i < results.size(); ++i) {
      picture_.write(
          results[i], regions[i],
          part(inputs.pixel_values, static_cast<int>(i), plan.crops));
    }
    inputs.integers["num_crops"] = {{1}, {plan.crops - 1}};
    return inputs;
  }

 protected:
  std::string text_of(const ImagePlan& plan) const override {
    const std::string picture =
        "\n\n" + placeholder_ + repeated(image_token_, tokens_) + end_ + "\n\n";
    if (plan.crops == 1) return picture;
    std::string text = "Here is the original image " + picture +
                       " and here are some crops to help you see better ";
    for (int i = 1; i < plan.crops; ++i) {
      text += (i == 1 ? "" : " ") + picture;
    }
    return text;
  }

 private:
  // The last crop of a row ends with the image.
  static void cut(const io::ImageSource& image, const ImagePlan& plan,
                  std::vector<Window>& regions) {
    if (plan.crops == 1) return;
    const int width =
        (image.width() + plan.grid_columns - 1) / plan.grid_columns;
    const int height = (image.height() + plan.grid_rows - 1) / plan.grid_rows;
    for (int row = 0; row < plan.grid_rows; ++row) {
      for (int column = 0; column < plan.grid_columns; ++column) {
        const int left = column * width;
        const int top = row * height;
        regions.push_back({left, top, std::min(width, image.width() - left),
                           std::min(height, image.height() - top)});
      }
    }
  }

  Picture picture_;
  PanAndScan pan_and_scan_;
  std::string end_;
  int tokens_ = 256;  // for each picture
};

}  // namespace

std::unique_ptr<ImageProcessor> make_gemma3(const ProcessorFiles& files) {
  return std::make_unique<Gemma3>(files);
}

}  // namespace abstractllm::vision
