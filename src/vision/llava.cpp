// LLaVA: one picture, resized and cropped as its CLIP or SigLIP tower wants it.
// pixel_values (1, 3, height, width).
// SPDX-License-Identifier: Apache-2.0
#include "vision/kinds.h"
#include "vision/picture.h"
#include "vision/square_source.h"

namespace abstractllm::vision {
namespace {

bool has_siglip(const ProcessorFiles& files) {
  return files.preprocessor.find_string("image_processor_type")
      .value_or("")
      .starts_with("Siglip");
}

Picture picture_of(const ProcessorFiles& files) {
  if (has_siglip(files)) {
    return {files.preprocessor, {.size = {.width = 224, .height = 224}}};
  }
  return {files.preprocessor,
          {.size = {.shortest_edge = 224},
           .crops = true,
           .crop = {224, 224},
           .mean = PixelValues::kClipMean,
           .std = PixelValues::kClipStd,
           .single_number = SingleNumber::kShortestEdge}};
}

class Llava final : public ImageProcessor {
 public:
  explicit Llava(const ProcessorFiles& files)
      : picture_(picture_of(files)),
        squares_(files.preprocessor.find_bool("do_pad").value_or(false)) {
    image_token_ = files.processor.find_string("image_token")
                       .value_or(image_token_of(files, "<image>"));
    placeholder_ = image_token_;
    const auto vision =
        files.model.find_object("vision_config").value_or(io::JsonConfig());
    patch_ = int_setting(files.processor, "patch_size",
                         int_setting(vision, "patch_size", 14, 1, kMaxSide), 1,
                         kMaxSide);
    // Older folders leave it to the model: CLIP has a class token in front.
    additional_ = int_setting(
        files.processor, "num_additional_image_tokens",
        files.processor.has("patch_size") || has_siglip(files) ? 0 : 1, 0,
        1024);
    auto strategy =
        files.processor.find_string("vision_feature_select_strategy");
    if (!strategy) {
      strategy = files.model.find_string("vision_feature_select_strategy");
    }
    if (strategy.value_or("default") == "default") --additional_;
    const auto mean = files.preprocessor.find_numbers("image_mean");
    for (std::size_t c = 0; c < 3; ++c) {
      const double level =
          mean && mean->size() == 3 ? (*mean)[c] : PixelValues::kClipMean[c];
      background_[c] =
          static_cast<std::uint8_t>(std::clamp(level, 0.0, 1.0) * 255);
    }
  }

  std::string_view kind() const noexcept override { return "llava"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    if (squares_) width = height = std::max(width, height);
    const Extent seen = picture_.visible(width, height);
    require_budget(budget, seen.pixels(), kind());
    const int rows = seen.height / patch_;
    const int columns = seen.width / patch_;
    const int tokens = rows * columns + additional_;
    return {.image_tokens = tokens,
            .prompt_tokens = tokens,
            .pixels = seen.pixels(),
            .grid_rows = rows,
            .grid_columns = columns,
            .width = seen.width,
            .height = seen.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    if (squares_ && image.width() != image.height()) {
      return see(SquareSource(image, background_), budget);
    }
    return see(image, budget);
  }

 private:
  ImageInputs see(const io::ImageSource& image,
                  const PixelBudget& budget) const {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    inputs.pixel_values = picture_.see(image);
    return inputs;
  }

  Picture picture_;
  bool squares_;  // fills up to a square of the mean colour
  std::array<std::uint8_t, 3> background_{};
  int patch_ = 14;
  int additional_ = 0;  // image tokens beside the patches
};

}  // namespace

std::unique_ptr<ImageProcessor> make_llava(const ProcessorFiles& files) {
  return std::make_unique<Llava>(files);
}

}  // namespace abstractllm::vision
