// The table of normalised levels, and planes read through it.
// SPDX-License-Identifier: Apache-2.0
#include "vision/pixel_values.h"

#include <fmt/format.h>

#include <cmath>

#include "abstractllm/error.h"

namespace abstractllm::vision {
namespace {

// A single number stands for all three channels.
PixelValues::Triple triple(const io::JsonConfig& config, const char* key,
                           const PixelValues::Triple& otherwise) {
  const auto found = config.find_numbers(key);
  if (!found) return otherwise;
  if (found->size() != 3 && found->size() != 1) {
    throw ModelLoadingError(
        fmt::format("[image processor] {}: '{}': expected 3 numbers, found {}",
                    config.origin(), key, found->size()));
  }
  return {found->front(), (*found)[found->size() / 2], found->back()};
}

}  // namespace

PixelValues::PixelValues(const io::JsonConfig& config, const Triple& mean,
                         const Triple& std) {
  const bool rescales = config.find_bool("do_rescale").value_or(true);
  const double factor =
      config.find_number("rescale_factor").value_or(1.0 / 255.0);
  const bool normalizes = config.find_bool("do_normalize").value_or(true);
  const Triple means = triple(config, "image_mean", mean);
  const Triple stds = triple(config, "image_std", std);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    if (normalizes && (!std::isnormal(stds[channel]) || stds[channel] < 0)) {
      throw ModelLoadingError(fmt::format(
          "[image processor] {}: 'image_std': {} is no standard deviation",
          config.origin(), stds[channel]));
    }
    for (int level = 0; level < 256; ++level) {
      // Rounded to float32 after each step, as the reference does.
      auto value = static_cast<float>(rescales ? level * factor : level);
      if (normalizes) {
        value = (value - static_cast<float>(means[channel])) /
                static_cast<float>(stds[channel]);
      }
      table_[channel][static_cast<std::size_t>(level)] = value;
    }
  }
}

void PixelValues::planes(const io::RgbImage& image, int left, int top,
                         int width, int height, std::span<float> out) const {
  const std::size_t plane =
      static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  if (left < 0 || top < 0 || width < 0 || height < 0 ||
      width > image.width - left || height > image.height - top ||
      out.size() != 3 * plane) {
    throw InternalError(fmt::format(
        "[image processor] window {}x{} at ({}, {}) of a {}x{} image", width,
        height, left, top, image.width, image.height));
  }
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* pixel =
        &image.pixels[3 * (static_cast<std::size_t>(top + y) *
                               static_cast<std::size_t>(image.width) +
                           static_cast<std::size_t>(left))];
    float* row = out.data() +
                 static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    for (int x = 0; x < width; ++x, pixel += 3, ++row) {
      row[0] = table_[0][pixel[0]];
      row[plane] = table_[1][pixel[1]];
      row[2 * plane] = table_[2][pixel[2]];
    }
  }
}

}  // namespace abstractllm::vision
