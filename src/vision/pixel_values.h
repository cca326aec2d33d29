// From resized RGB pixels to the floats that a tower takes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "io/image.h"
#include "io/json_config.h"

namespace abstractllm::vision {

/// The value of each of the 256 levels of each channel: do_rescale,
/// rescale_factor, do_normalize, image_mean and image_std of a
/// preprocessor_config.json. Immutable.
class PixelValues {
 public:
  using Triple = std::array<double, 3>;
  static constexpr Triple kClipMean = {0.48145466, 0.4578275, 0.40821073};
  static constexpr Triple kClipStd = {0.26862954, 0.26130258, 0.27577711};
  static constexpr Triple kHalves = {0.5, 0.5, 0.5};

  /// `mean` and `std` are what the kind takes where the file has none. Throws
  /// ModelLoadingError for other than 3 numbers, or a deviation of 0.
  PixelValues(const io::JsonConfig& config, const Triple& mean,
              const Triple& std);

  float at(int channel, std::uint8_t level) const {
    return table_[static_cast<std::size_t>(channel)][level];
  }

  /// A window of `image` as channel planes: out is (3, height, width). Throws
  /// InternalError for a window that is not inside the image.
  void planes(const io::RgbImage& image, int left, int top, int width,
              int height, std::span<float> out) const;
  /// The whole image.
  void planes(const io::RgbImage& image, std::span<float> out) const {
    planes(image, 0, 0, image.width, image.height, out);
  }

 private:
  std::array<std::array<float, 256>, 3> table_{};
};

}  // namespace abstractllm::vision
