// Boxes over a picture.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "io/image.h"
#include "output/detections.h"

namespace abstractllm::cli {

/// Draws the frame of each detection, one colour a label.
void draw_boxes(const std::vector<output::Detection>& detections,
                io::RgbImage& picture);

}  // namespace abstractllm::cli
