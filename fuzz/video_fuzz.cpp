// Reads any bytes as an animated GIF, and some of its frames.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "abstractllm/error.h"
#include "fuzz/require.h"
#include "io/moving_picture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace abstractllm;
  try {
    const auto video = io::MovingPicture::open(
        {.bytes = std::string(reinterpret_cast<const char*>(data), size),
         .media_type = "video/gif"},
        {.pixels = 1 << 16, .memory_bytes = 1 << 24});
    fuzz::require(video->frames() > 0);
    fuzz::require(!video->rate() ||
                  *video->rate() >= io::MovingPicture::kLeastRate);
    const int last = video->frames() - 1;
    std::size_t seen = 0;
    video->read(std::vector{0, last / 2, last},
                [&](const io::ImageSource& frame) {
                  fuzz::require(frame.width() == video->width());
                  fuzz::require(frame.height() == video->height());
                  ++seen;
                });
    fuzz::require(seen == 3);
  } catch (const Error&) {
    // A refusal is the expected answer to most inputs.
  }
  return 0;
}
