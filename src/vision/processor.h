// From images to what a vision tower takes: pixel values, grids, token counts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/image.h"
#include "io/json_config.h"
#include "io/moving_picture.h"

namespace abstractllm::vision {

/// Row-major values on the host.
struct FloatTensor {
  std::vector<int> shape{};
  std::vector<float> values{};
};
struct IntTensor {
  std::vector<int> shape{};
  std::vector<std::int32_t> values{};
};

/// The files that say how a model wants its images. An absent file is an empty
/// object.
struct ProcessorFiles {
  io::JsonConfig preprocessor{};  ///< preprocessor_config.json
  io::JsonConfig processor{};     ///< processor_config.json
  io::JsonConfig model{};         ///< config.json
  io::JsonConfig tokenizer{};     ///< tokenizer_config.json
  io::JsonConfig video{};         ///< video_preprocessor_config.json
  /// Reads them in `folder`. Throws ModelLoadingError for a damaged one.
  static ProcessorFiles in(const std::filesystem::path& folder);
};

/// What the caller allows for one image.
struct PixelBudget {
  /// Pixels that the tower may see, over all crops of the image. Absent: as
  /// the model's files say; more than they say changes nothing. A model whose
  /// size is fixed refuses less than it needs with InvalidParameterError.
  std::optional<std::int64_t> max_pixels{};
};

/// What one image becomes, known from its size alone. A plain value.
struct ImagePlan {
  int image_tokens = 0;  ///< rows of features that the tower must give
  /// The same with the marks around crops and rows where the kind has such,
  /// without the words that some put between.
  int prompt_tokens = 0;
  std::int64_t pixels = 0;  ///< that the tower sees, over all crops
  int crops = 1;            ///< pictures that the tower sees
  /// Of the patches (merged ones where the kind merges) or of the crops,
  /// without the overview picture: see the kind.
  int grid_rows = 0;
  int grid_columns = 0;
  int width = 0;   ///< what the image is resized to, without padding
  int height = 0;  ///< (crops of fixed size: the whole they are cut from)
  /// Of a moving picture, the frames that are seen, as often as they are; empty
  /// for a still image.
  std::vector<int> frames{};
  /// When, in seconds, each stretch of frames is that the tower takes together.
  std::vector<double> times{};
  /// Positions from one such stretch to the next, where they stand in one row.
  double frame_step = 1;
  bool operator==(const ImagePlan&) const = default;
};

/// What the tower takes for one image. Tensors of several images are joined
/// along the first axis (see the kind).
struct ImageInputs {
  ImagePlan plan{};
  FloatTensor pixel_values{};
  /// "image_grid_thw", "image_sizes", "pixel_attention_mask", ... as the
  /// reference processor names them; the kind's file lists them.
  std::map<std::string, IntTensor> integers{};
};

/// A stretch of a prompt: text, or `count` times one id.
struct PromptPiece {
  std::string text{};  ///< to be tokenized, special tokens recognised
  std::int32_t id = 0;
  int count = 0;  ///< 0: a piece of text
  bool operator==(const PromptPiece&) const = default;
};

/// The image processor of one model. Immutable; thread-safe.
///
/// kind           pixel_values of one image           integers
/// llava          (1, 3, h, w)                        none
/// paligemma      (1, 3, h, w)                        none
/// gemma3         (1 + crops, 3, h, w), whole first   num_crops (1)
/// llava_next     (1 + crops, 3, h, w), whole first   image_sizes (1, 2) h w
/// phi3_v         (1, max, 3, 336, 336), whole first  image_sizes (1, 2) h w
/// idefics3       (1, crops + 1, 3, h, w), whole last pixel_attention_mask
///                                                    (1, crops + 1, h, w)
/// mllama         (1, 1, tiles, 3, h, w)              aspect_ratio_ids (1, 1),
///                aspect_ratio_mask (1, 1, tiles), num_tiles (1, 1)
/// pixtral        (1, 3, h, w)                        image_sizes (1, 2) h w
/// qwen2_vl ...   (patches, 3 * temporal * patch^2)   image_grid_thw (1, 3)
/// internvl       (crops + 1, 3, h, w), whole last    num_patches (1)
class ImageProcessor {
 public:
  virtual ~ImageProcessor() = default;

  /// By image_processor_type, else by the model's model_type. Throws
  /// UnsupportedModelError naming the kinds there are, ModelLoadingError for a
  /// field that is missing or out of range.
  static std::unique_ptr<ImageProcessor> from_config(
      const ProcessorFiles& files);

  /// "qwen2_vl", "siglip", ...
  virtual std::string_view kind() const noexcept = 0;

  /// The text that stands for one image in a rendered prompt. Empty: images
  /// go in front of the prompt (PaliGemma).
  const std::string& placeholder() const noexcept { return placeholder_; }

  /// The text of the token that the features replace; each `image_tokens` of
  /// them in the expanded prompt belongs to one image, in order. Empty where
  /// expand() gives ids (phi3_v: -N for image N).
  const std::string& image_token() const noexcept { return image_token_; }

  /// The same for a moving picture. Empty: the kind sees still images alone.
  const std::string& video_placeholder() const noexcept {
    return video_placeholder_;
  }
  const std::string& video_token() const noexcept { return video_token_; }

  /// How often either placeholder stands in `prompt`.
  std::size_t places_in(std::string_view prompt) const;

  /// Whether the expanded prompt is tokenized with the special tokens that the
  /// tokenizer adds by itself (a beginning token the kind has not written).
  bool adds_special_tokens() const noexcept { return adds_special_tokens_; }

  /// What an image of this (upright) size becomes. Throws ImageProcessingError
  /// for sizes that the model cannot see (Qwen: sides of more than 200 to 1).
  virtual ImagePlan plan(int width, int height,
                         const PixelBudget& budget) const = 0;

  /// Decodes, resizes, cuts and normalises one image. Working memory beyond
  /// the result is that of the decoder and a few rows, not the whole image.
  virtual ImageInputs process(const io::ImageSource& image,
                              const PixelBudget& budget) const = 0;

  /// plan() and process() for a moving picture. Throw UnsupportedFeatureError
  /// where the kind sees still images alone.
  virtual ImagePlan plan_video(const io::MovingPicture& video,
                               const PixelBudget& budget) const;
  virtual ImageInputs process_video(const io::MovingPicture& video,
                                    const PixelBudget& budget) const;

  /// The prompt with every placeholder expanded to the tokens of its image, in
  /// order; without images the prompt as it stands. Throws InvalidRequestError
  /// if the number of placeholders is not that of `plans`, or one is not of
  /// their kind.
  virtual std::vector<PromptPiece> expand(
      std::string_view prompt, std::span<const ImagePlan> plans) const;

 protected:
  /// What a placeholder becomes: the image's tokens, with marks where the kind
  /// has such.
  virtual std::string text_of(const ImagePlan& plan) const;

  std::string placeholder_;
  std::string image_token_;
  std::string video_placeholder_;
  std::string video_token_;
  bool adds_special_tokens_ = true;
};

}  // namespace abstractllm::vision
