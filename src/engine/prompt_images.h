// The images of a request, as caller threads prepare them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace abstractllm::vision {
struct ImageInputs;
}

namespace abstractllm::engine {

/// One image of a prompt.
struct JobImage {
  /// Of the image and everything that decides what the tower gets: equal
  /// digests are equal images.
  std::string digest;
  std::shared_ptr<const vision::ImageInputs> inputs;
  int tokens = 0;  ///< of the prompt that its features replace
  /// Of them, for models that place them in height and width.
  int grid_rows = 0;
  int grid_columns = 0;
  double frame_step = 1;  ///< of a moving picture, see models::PromptImage
};

/// The id that stands for image `index` of a job in GenerationJob::prompt.
constexpr std::int32_t image_id(std::size_t index) {
  return -1 - static_cast<std::int32_t>(index);
}

}  // namespace abstractllm::engine
