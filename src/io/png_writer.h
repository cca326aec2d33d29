// Pictures as PNG files.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/image.h"

namespace abstractllm::io {

/// The bytes of a PNG of 8-bit RGB. Throws ImageProcessingError for a picture
/// without pixels or beyond what PNG can hold.
std::string encode_png(const RgbImage& image);

}  // namespace abstractllm::io
