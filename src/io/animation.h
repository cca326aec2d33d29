// GIFs that move.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "io/moving_picture.h"

namespace abstractllm::io {

/// The frames of a GIF as they are seen, transparency over white. `rate`: in
/// the place of what its delays come to. Throws ImageProcessingError, and
/// ResourceExceededError beyond limits.memory_bytes.
std::unique_ptr<MovingPicture> open_animation(EncodedImage gif,
                                              std::optional<double> rate,
                                              const ImageLimits& limits);

}  // namespace abstractllm::io
