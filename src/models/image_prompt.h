// Images in a prompt: where they stand, and what a tower made of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mlx/array.h"
#include "ops/rope.h"

namespace abstractllm::models {

/// The rows that take the places of an image's tokens. Immutable.
struct ImageFeatures {
  mlx::core::array rows;  ///< (tokens, hidden)
  /// (tokens, hidden) each: added to what layer 0, 1, ... gives.
  std::vector<mlx::core::array> layers{};

  std::size_t bytes() const;
};

/// What of a prompt's attention goes both ways.
enum class PromptSight {
  kCausal,       ///< a token sees those before it
  kImages,       ///< and all tokens of its image (Gemma 3)
  kWholePrompt,  ///< and the whole prompt (PaliGemma)
};

/// One image of a prompt.
struct PromptImage {
  /// Stands for the image in token ids, below 0; equal numbers are equal
  /// images.
  std::int32_t number = -1;
  int tokens = 0;
  /// Of its tokens, for models that place them in height and width.
  int grid_rows = 0;
  int grid_columns = 0;
  /// Set on the engine thread before its tokens are computed.
  std::shared_ptr<const ImageFeatures> features = nullptr;
};

/// The images of one prompt. The token ids of the prompt are the numbers of
/// the images where their features stand. Filled in once, then only
/// PromptImage::features changes, on the engine thread.
class ImagePrompt {
 public:
  /// `ids`: of the whole prompt, each number as often as the image has tokens.
  /// `grid`: tokens of images are placed in time, height and width, as in
  /// Qwen2-VL (arXiv:2409.12191). Throws InvalidRequestError if numbers and
  /// images do not match.
  ImagePrompt(std::span<const std::int32_t> ids,
              std::vector<PromptImage> images, bool grid);

  std::vector<PromptImage>& images() { return images_; }
  const std::vector<PromptImage>& images() const { return images_; }

  /// Images with tokens in [first, last) of the prompt.
  std::vector<std::size_t> images_in(int first, int last) const;

  /// The first place of an image's tokens, `from` or behind it. REQUIRES: there
  /// is one.
  int next_place(std::size_t image, int from) const;

  /// Whether an image has this number.
  bool shows(std::int32_t number) const;

  /// What is added to places behind the prompt to give their positions.
  int shift_behind() const { return shift_; }

  /// Positions of [first, last), (3, last - first), on into the answer; empty
  /// without a grid.
  std::vector<std::int32_t> positions(int first, int last) const;

  /// `embedded` (last - first, hidden): the tokens [first, last), those of
  /// images with any content. Returns it with the features in their places.
  mlx::core::array insert(const mlx::core::array& embedded, int first) const;

  /// What layers add for rows [first, first + rows): one array (rows, hidden)
  /// a layer, zero where there is no image; empty where no image has any.
  std::vector<mlx::core::array> layer_additions(int first, int rows) const;

 private:
  // Neighbouring tokens of an image.
  struct Run {
    int first;  // in the prompt
    int count;
    std::size_t image;
    int row;  // of the features, of the first one
  };

  void find_runs(std::span<const std::int32_t> ids);
  void place(int length);

  std::vector<PromptImage> images_;
  std::vector<Run> runs_;
  bool grid_;
  int length_ = 0;
  int shift_ = 0;
  std::vector<std::int32_t> positions_;  // (3, length)
};

}  // namespace abstractllm::models
