// PaliGemma: one picture of fixed size, its tokens in front of the prompt.
// pixel_values (1, 3, height, width).
// SPDX-License-Identifier: Apache-2.0
#include "vision/kinds.h"
#include "vision/picture.h"
#include "vision/placeholders.h"

namespace abstractllm::vision {
namespace {

class PaliGemma final : public ImageProcessor {
 public:
  explicit PaliGemma(const ProcessorFiles& files)
      : picture_(files.preprocessor, {.size = {.width = 224, .height = 224}}),
        bos_(token_of(files, "bos_token", "<bos>")) {
    image_token_ = image_token_of(files, "<image>");
    adds_special_tokens_ = false;
    const auto vision =
        files.model.find_object("vision_config").value_or(io::JsonConfig());
    const Extent seen = picture_.visible(1, 1);
    const int patch = int_setting(vision, "patch_size", 14, 1, kMaxSide);
    const int patches = (seen.width / patch) * (seen.height / patch);
    tokens_ = int_setting(files.preprocessor, "image_seq_length", patches, 1,
                          1 << 20);
  }

  std::string_view kind() const noexcept override { return "paligemma"; }

  ImagePlan plan(int width, int height,
                 const PixelBudget& budget) const override {
    require_size(width, height);
    const Extent seen = picture_.visible(width, height);
    require_budget(budget, seen.pixels(), kind());
    return {.image_tokens = tokens_,
            .prompt_tokens = tokens_,
            .pixels = seen.pixels(),
            .width = seen.width,
            .height = seen.height};
  }

  ImageInputs process(const io::ImageSource& image,
                      const PixelBudget& budget) const override {
    ImageInputs inputs{.plan = plan(image.width(), image.height(), budget)};
    inputs.pixel_values = picture_.see(image);
    return inputs;
  }

  // The beginning token stands behind the images, a line feed at the end.
  std::vector<PromptPiece> expand(
      std::string_view prompt,
      std::span<const ImagePlan> plans) const override {
    const auto tokens = [&](std::size_t image) {
      return repeated(image_token_, plans[image].image_tokens);
    };
    std::string text;
    if (occurrences(prompt, image_token_) == 0) {
      for (std::size_t i = 0; i < plans.size(); ++i) text += tokens(i);
      text += bos_ + std::string(prompt);
    } else {
      text = replace_placeholders(prompt, image_token_, plans.size(), tokens);
      text.insert(text.rfind(image_token_) + image_token_.size(), bos_);
    }
    return {{.text = text + "\n"}};
  }

 private:
  Picture picture_;
  std::string bos_;
  int tokens_ = 0;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_paligemma(const ProcessorFiles& files) {
  return std::make_unique<PaliGemma>(files);
}

}  // namespace abstractllm::vision
