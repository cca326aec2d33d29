// Boxes and masks in the answers of models that point at images.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::output {

/// A part of an image. Sides are shares of the image's width and height, 0 to
/// 1 from the upper left.
struct Detection {
  std::string label;
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  /// Codes of the mask within the box, 16 of 0 to 127, as PaliGemma's mask
  /// decoder takes them; empty: there is none.
  std::vector<int> mask_codes{};
  bool operator==(const Detection&) const = default;
};

/// What PaliGemma writes: "<loc0256><loc0128><loc0768><loc0640> cat ; ...",
/// four places of 1024 (top, left, bottom, right), then with segmentation
/// sixteen <seg000> to <seg127>, then a label up to " ;" or the next box. Other
/// text is passed over, and so are boxes that are cut off.
std::vector<Detection> find_detections(std::string_view text);

}  // namespace abstractllm::output
