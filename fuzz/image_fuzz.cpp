// Reads any bytes as an encoded image, and all of its pixels.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abstractllm/error.h"
#include "fuzz/require.h"
#include "io/image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace abstractllm;
  try {
    const auto image = io::EncodedImage::from_bytes(
        {reinterpret_cast<const char*>(data), size},
        {.pixels = 1 << 20, .memory_bytes = 1 << 26});
    const io::RgbImage pixels = io::read_pixels(image);
    fuzz::require(pixels.pixels.size() ==
                  3 * static_cast<std::size_t>(image.width()) *
                      static_cast<std::size_t>(image.height()));
  } catch (const Error&) {
    // A refusal is the expected answer to most inputs.
  }
  return 0;
}
