// From the image parts of messages to inputs of a tower and ids of a prompt.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"
#include "engine/prompt_images.h"
#include "io/json_config.h"
#include "vision/processor.h"

namespace abstractllm::engine {

/// One image of a conversation as its model is going to see it.
struct SeenImage {
  int width = 0;  ///< of the image itself
  int height = 0;
  vision::ImagePlan plan;
};

/// The images of some messages, in order.
struct ConversationImages {
  std::vector<SeenImage> seen;
  std::vector<JobImage> images;  ///< empty if only the sizes were read
};

/// Immutable; thread-safe.
class ImageReader {
 public:
  using Encode = std::function<std::vector<std::int32_t>(std::string_view text,
                                                         bool add_special)>;

  /// `files`: of a model that reads images. `config`: its config.json.
  /// `token_id`: of a token by its text. Throws what
  /// ImageProcessor::from_config throws.
  ImageReader(
      const std::filesystem::path& folder, const io::JsonConfig& config,
      const std::function<std::optional<std::int32_t>(std::string_view)>&
          token_id);

  const vision::ImageProcessor& processor() const { return *processor_; }

  /// Whether its places are numbered and become ids at once (Phi-3-vision).
  bool has_numbered_places() const { return processor_->image_token().empty(); }

  /// Messages with images as text, for templates that take text only: places
  /// as the processor spells them.
  std::vector<Message> with_places(std::vector<Message> messages) const;

  /// Whether images go in front of the prompt, which has no places for them.
  bool images_go_first() const { return processor_->placeholder().empty(); }

  /// Sizes and costs alone. `max_pixels` is what an image of high or no said
  /// detail may have; little detail is 512 x 512 pixels, or what the model
  /// needs. Throws InvalidRequestError for an image that is only a URL or of
  /// another detail, and what decoding throws.
  ConversationImages look(const std::vector<Message>& messages,
                          std::optional<std::int64_t> max_pixels) const;
  /// And the pixels.
  ConversationImages read(const std::vector<Message>& messages,
                          std::optional<std::int64_t> max_pixels) const;

  /// The ids of pieces of one prompt, from first to last, with the tokens of
  /// its images. One prompt at a time; refers to what it is made of.
  class PromptEncoder {
   public:
    PromptEncoder(const ImageReader& reader,
                  const std::vector<SeenImage>& images, Encode encode);

    /// `at_start`: a prompt begins again. Throws InvalidRequestError if there
    /// are more places than images.
    std::vector<std::int32_t> encode(std::string_view text, bool at_start);

   private:
    bool adds_special(std::string_view text) const;

    const ImageReader& reader_;
    std::vector<vision::ImagePlan> plans_;
    Encode encode_;
    std::size_t used_ = 0;
  };

  /// Replaces the tokens that stand for images by image_id(i). Throws
  /// InvalidRequestError if they are not those of `images`.
  void name_images(const std::vector<SeenImage>& images,
                   std::vector<std::int32_t>& ids) const;

 private:
  std::unique_ptr<const vision::ImageProcessor> processor_;
  std::optional<std::int32_t> image_token_;
  std::optional<std::int32_t> video_token_;
};

}  // namespace abstractllm::engine
