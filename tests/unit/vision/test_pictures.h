// Pictures that are computed from their size, as make_references.py has them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "io/image.h"
#include "support/source_folder.h"

namespace abstractllm::vision {

inline io::RgbImage picture(int width, int height) {
  io::RgbImage image{.width = width, .height = height};
  std::uint32_t index = 12345;
  for (std::uint32_t y = 0; y < static_cast<std::uint32_t>(height); ++y) {
    for (std::uint32_t x = 0; x < static_cast<std::uint32_t>(width); ++x) {
      for (std::uint32_t c = 0; c < 3; ++c) {
        std::uint32_t state = index++ * 2654435761U;
        state ^= state >> 15;
        state *= 2246822519U;
        state ^= state >> 13;
        const std::uint32_t slope = (x * (2 * c + 3) + y * (7 - 2 * c)) % 192;
        image.pixels.push_back(static_cast<std::uint8_t>(slope + (state & 63)));
      }
    }
  }
  return image;
}

/// FNV-1a of 32 bits.
template <typename Bytes>
std::uint32_t checksum(const Bytes& bytes) {
  std::uint32_t value = 2166136261U;
  for (const auto byte : bytes) {
    value = (value ^ static_cast<std::uint8_t>(byte)) * 16777619U;
  }
  return value;
}

inline nlohmann::json reference_cases(const char* name) {
  const auto path = abstractllm::test::source_folder() /
                    "tests/data/images/references" / name;
  return nlohmann::json::parse(std::ifstream(path)).at("cases");
}

/// The image as it would be stored with another orientation.
inline io::RgbImage stored_as(const io::RgbImage& upright,
                              const io::Orientation& orientation) {
  io::RgbImage stored{.width = upright.width, .height = upright.height};
  if (orientation.transposed) std::swap(stored.width, stored.height);
  stored.pixels.resize(upright.pixels.size());
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      int to_x = orientation.transposed ? y : x;
      int to_y = orientation.transposed ? x : y;
      if (orientation.mirrored_x) to_x = stored.width - 1 - to_x;
      if (orientation.mirrored_y) to_y = stored.height - 1 - to_y;
      for (int c = 0; c < 3; ++c) {
        stored.pixels[static_cast<std::size_t>(
            3 * (to_y * stored.width + to_x) + c)] =
            upright.pixels[static_cast<std::size_t>(
                3 * (y * upright.width + x) + c)];
      }
    }
  }
  return stored;
}

/// Stored rows with an orientation.
class OrientedSource final : public io::ImageSource {
 public:
  OrientedSource(const io::RgbImage& upright, io::Orientation orientation)
      : OrientedSource(stored_as(upright, orientation), orientation, 0) {}
  void read_rows(const io::RowSink& sink) const override {
    source_.read_rows(sink);
  }

 private:
  OrientedSource(io::RgbImage stored, io::Orientation orientation, int)
      : ImageSource({stored.width, stored.height, orientation}),
        source_(std::move(stored)) {}
  io::PixelSource source_;
};

}  // namespace abstractllm::vision
