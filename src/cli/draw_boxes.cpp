// Frames, pixel by pixel.
// SPDX-License-Identifier: Apache-2.0
#include "cli/draw_boxes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>

namespace abstractllm::cli {

namespace {

using Colour = std::array<std::uint8_t, 3>;

// Told apart by people who do not see all colours, too (Okabe and Ito).
constexpr std::array<Colour, 7> kColours{{{230, 159, 0},
                                          {86, 180, 233},
                                          {0, 158, 115},
                                          {240, 228, 66},
                                          {0, 114, 178},
                                          {213, 94, 0},
                                          {204, 121, 167}}};

struct Rectangle {
  int left;
  int top;
  int right;  // behind the last column
  int bottom;
};

void fill(const Rectangle& area, const Colour& colour, io::RgbImage& picture) {
  const int right = std::min(area.right, picture.width);
  const int bottom = std::min(area.bottom, picture.height);
  for (int y = std::max(area.top, 0); y < bottom; ++y) {
    for (int x = std::max(area.left, 0); x < right; ++x) {
      const std::size_t at = 3 * (static_cast<std::size_t>(y) *
                                      static_cast<std::size_t>(picture.width) +
                                  static_cast<std::size_t>(x));
      std::copy(colour.begin(), colour.end(),
                picture.pixels.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
}

int scaled(double share, int size) {
  return static_cast<int>(std::lround(share * size));
}

}  // namespace

void draw_boxes(const std::vector<output::Detection>& detections,
                io::RgbImage& picture) {
  const int thick = std::max(1, std::min(picture.width, picture.height) / 150);
  std::map<std::string, std::size_t> colours;
  for (const output::Detection& found : detections) {
    const std::size_t index =
        colours.try_emplace(found.label, colours.size()).first->second;
    const Colour& colour = kColours[index % kColours.size()];
    const Rectangle box{scaled(found.left, picture.width),
                        scaled(found.top, picture.height),
                        scaled(found.right, picture.width),
                        scaled(found.bottom, picture.height)};
    fill({box.left, box.top, box.right, box.top + thick}, colour, picture);
    fill({box.left, box.bottom - thick, box.right, box.bottom}, colour,
         picture);
    fill({box.left, box.top, box.left + thick, box.bottom}, colour, picture);
    fill({box.right - thick, box.top, box.right, box.bottom}, colour, picture);
  }
}

}  // namespace abstractllm::cli
