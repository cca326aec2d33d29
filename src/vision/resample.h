// Resizing as Pillow does it, bit for bit: antialiased, two passes of 8 bits.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "io/image.h"
#include "vision/axis_weights.h"

namespace abstractllm::vision {

/// A rectangle of pixels.
struct Window {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

/// A region of an upright image, resized to width x height; of that the result
/// is `window`.
struct ResizeJob {
  Window region{};
  int width = 0;
  int height = 0;
  Window window{};
  Filter filter = Filter::kBilinear;

  /// All of `region`, or of `source`.
  static ResizeJob whole(const Window& region, int width, int height,
                         Filter filter);
  static ResizeJob whole(const io::ImageSource& source, int width, int height,
                         Filter filter);
};

/// The results of `jobs`, in one reading of `source`. What is held at a time
/// beside the results are the sums of the rows in work: for each job no more
/// than 12 bytes for each pixel of the window's rows that one row of the image
/// goes into (transposed images: of the region's columns). Throws InternalError
/// for a region or window that is not inside, and what reading does.
std::vector<io::RgbImage> resize(const io::ImageSource& source,
                                 std::span<const ResizeJob> jobs);

}  // namespace abstractllm::vision
