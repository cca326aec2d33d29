// Images in a prompt: where they stand, and what a tower made of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mlx/array.h"
#include "ops/cross_attention.h"
#include "ops/rope.h"

namespace abstractllm::models {

/// What a tower makes of an image. Immutable.
struct ImageFeatures {
  /// (tokens, hidden): take the places of the image's tokens; or with `across`
  /// what that is made of.
  mlx::core::array rows;
  /// (tokens, hidden) each: added to what layer 0, 1, ... gives.
  std::vector<mlx::core::array> layers{};
  /// Of each layer that looks at images beside the text, with as many rows as
  /// `rows`.
  std::vector<ops::CrossKeys> across{};
  /// How many of them, the first ones, show the image; the rest is padding.
  int shown = 0;

  /// All that has to be evaluated.
  std::vector<mlx::core::array> arrays() const;
  std::size_t bytes() const;
};

/// How a prompt's images and its text go together.
enum class ImageMode {
  kInLine,  ///< features stand in the line of tokens
  kInGrid,  ///< they do, placed in time, height and width (arXiv:2409.12191)
  kBeside,  ///< one token marks the place; layers of their own look at features
};

/// What of a prompt's attention goes both ways.
enum class PromptSight {
  kCausal,       ///< a token sees those before it
  kImages,       ///< and all tokens of its image (Gemma 3)
  kWholePrompt,  ///< and the whole prompt (PaliGemma)
  /// Causal, but what stands before the first image sees the images, so that
  /// all depends on which those are (Llama 3.2 Vision).
  kImagesBeside,
};

/// The numbers of the images among the first `planned` ids of `prompt`, in
/// order.
std::vector<std::int32_t> image_numbers(std::span<const std::int32_t> prompt,
                                        int planned);

/// One image of a prompt.
struct PromptImage {
  /// Stands for the image in token ids, below 0; equal numbers are equal
  /// images.
  std::int32_t number = -1;
  int tokens = 0;
  /// Of its tokens, for models that place them in height and width.
  int grid_rows = 0;
  int grid_columns = 0;
  /// Where such a grid is followed by another, of a later time: the positions
  /// in time between them.
  double frame_step = 1;
  /// Set on the engine thread before its tokens are computed.
  std::shared_ptr<const ImageFeatures> features = nullptr;
};

/// The images of one prompt. The token ids of the prompt are the numbers of
/// the images where their features stand. Filled in once, then only
/// PromptImage::features changes, on the engine thread.
class ImagePrompt {
 public:
  /// `ids`: of the whole prompt, each number as often as the image has tokens.
  /// Throws InvalidRequestError if numbers and images do not match.
  ImagePrompt(std::span<const std::int32_t> ids,
              std::vector<PromptImage> images, ImageMode mode);

  std::vector<PromptImage>& images() { return images_; }
  const std::vector<PromptImage>& images() const { return images_; }

  /// Images that rows [first, last) need: those with tokens among them, or that
  /// they see beside the text.
  std::vector<std::size_t> images_in(int first, int last) const;

  /// The first row, `from` or behind it, that needs the image. REQUIRES: there
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
  /// images with any content. Returns it with the features in their places; for
  /// kBeside as it is.
  mlx::core::array insert(const mlx::core::array& embedded, int first) const;

  /// What rows [first, last) see beside the text, on into the answer; null but
  /// for kBeside. A row sees the image it follows, and those that stand right
  /// before that one; a row before all images sees all of them, with their
  /// padding, as the published code has it. REQUIRES: they have their features.
  std::shared_ptr<const std::vector<ops::CrossSpan>> across(int first,
                                                            int last) const;

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

  // Images [first, last) that rows see, up to row `end` alone.
  struct Seen {
    std::size_t first;
    std::size_t last;
    bool before_images;
    int end;
    bool operator==(const Seen&) const = default;
  };

  void find_runs(std::span<const std::int32_t> ids);
  void place(int length);
  Seen seen_at(int row) const;
  std::shared_ptr<const ops::CrossSight> sight_of(const Seen& seen) const;

  std::vector<PromptImage> images_;
  std::vector<Run> runs_;
  ImageMode mode_;
  int length_ = 0;
  int shift_ = 0;
  std::vector<std::int32_t> positions_;  // (3, length)
  // What was asked for last, which an answer goes on with. Engine thread.
  mutable std::optional<Seen> seen_;
  mutable std::shared_ptr<const ops::CrossSight> sight_;
};

}  // namespace abstractllm::models
