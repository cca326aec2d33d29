// What is in a GIF: its frames one after the other, and their pixels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "io/image_codecs.h"

namespace abstractllm::io {

/// What becomes of a frame before the next one is drawn (GIF89a, 23.c.iv).
enum class GifDisposal { kKeep, kClear, kRestore };

/// A frame by its header. Places are those on the canvas.
struct GifFrame {
  int canvas_width = 0;  ///< grown to hold the frame
  int canvas_height = 0;
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
  bool interlaced = false;
  int delay = 0;  ///< hundredths of a second until the next frame
  GifDisposal disposal = GifDisposal::kKeep;
  std::optional<std::uint8_t> transparent{};
  std::array<std::uint8_t, 3 * 256> palette{};
  std::size_t data_at = 0;  ///< of the byte with the code size
};

/// Goes through the frames of a file, which outlives it.
class GifScanner {
 public:
  /// Throws ImageProcessingError if the file is shorter than its header.
  explicit GifScanner(ImageBytes file);

  /// The next frame; nothing behind the last one. Throws ImageProcessingError
  /// for what is damaged; a file that ends behind a frame ends there.
  std::optional<GifFrame> next();

 private:
  ImageBytes file_;
  GifFrame empty_;  // canvas and palette of the file
  std::size_t at_ = 0;
  std::optional<std::size_t> data_at_;  // of the frame given last
};

/// Calls `row` with the colour numbers of each row of the frame from the top.
/// Throws ImageProcessingError.
void decode_gif(ImageBytes file, const GifFrame& frame,
                const std::function<void(std::span<const std::uint8_t>)>& row);

}  // namespace abstractllm::io
