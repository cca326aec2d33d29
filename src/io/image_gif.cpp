// The first frame of a GIF, on its canvas.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "io/gif_frames.h"

namespace abstractllm::io {
namespace {

constexpr ImageFormat kFormat = ImageFormat::kGif;

GifFrame first_frame(ImageBytes file) {
  std::optional<GifFrame> frame = GifScanner(file).next();
  if (!frame) fail_image(kFormat, "no frame");
  return *std::move(frame);
}

bool recognizes(ImageBytes file) {
  return u32_at(file, 0) == 0x38464947 &&  // "GIF8"
         (byte_at(file, 4) == '7' || byte_at(file, 4) == '9') &&
         byte_at(file, 5) == 'a';
}

ImageHeader read_header(ImageBytes file) {
  const GifFrame frame = first_frame(file);
  std::uint64_t memory =
      65536 + 4 * static_cast<std::uint64_t>(frame.canvas_width);
  if (frame.interlaced) {
    memory += static_cast<std::uint64_t>(frame.width) *
              static_cast<std::uint64_t>(frame.height);
  }
  return {.shape = {.stored_width = frame.canvas_width,
                    .stored_height = frame.canvas_height},
          .memory_bytes = memory};
}

// Around the frame lies what is transparent, or else colour 0.
void read_rows(ImageBytes file, const RowSink& sink) {
  GifFrame frame = first_frame(file);
  if (frame.transparent) {
    std::fill_n(&frame.palette[std::size_t{3} * *frame.transparent], 3,
                std::uint8_t{255});
  }
  const auto colour = [&](std::size_t index, std::uint8_t* out) {
    std::copy_n(&frame.palette[3 * index], 3, out);
  };
  const auto width = static_cast<std::size_t>(frame.canvas_width);
  std::vector<std::uint8_t> empty(3 * width);
  for (std::size_t x = 0; x < width; ++x) {
    colour(frame.transparent.value_or(0), &empty[3 * x]);
  }
  for (int y = 0; y < frame.top; ++y) sink(empty);
  std::vector<std::uint8_t> rgb = empty;
  decode_gif(file, frame, [&](std::span<const std::uint8_t> row) {
    std::uint8_t* out = &rgb[3 * static_cast<std::size_t>(frame.left)];
    for (const std::uint8_t index : row) {
      colour(index, out);
      out += 3;
    }
    sink(rgb);
  });
  for (int y = frame.top + frame.height; y < frame.canvas_height; ++y) {
    sink(empty);
  }
}

}  // namespace

const ImageCodec kGifCodec = {kFormat, recognizes, read_header, read_rows};

}  // namespace abstractllm::io
