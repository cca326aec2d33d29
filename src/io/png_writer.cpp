// PNG through libpng's simplified interface.
// SPDX-License-Identifier: Apache-2.0
#include "io/png_writer.h"

#include <png.h>

#include <string>

#include "abstractllm/error.h"

namespace abstractllm::io {

std::string encode_png(const RgbImage& image) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.width = static_cast<png_uint_32>(image.width);
  header.height = static_cast<png_uint_32>(image.height);
  header.format = PNG_FORMAT_RGB;
  const auto failed = [&] {
    return ImageProcessingError("[png] " + std::to_string(image.width) + " x " +
                                std::to_string(image.height) +
                                " pixels cannot be written: " + header.message);
  };
  png_alloc_size_t size = 0;
  if (image.pixels.empty() ||
      png_image_write_to_memory(&header, nullptr, &size, 0, image.pixels.data(),
                                0, nullptr) == 0) {
    throw failed();
  }
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&header, bytes.data(), &size, 0,
                                image.pixels.data(), 0, nullptr) == 0) {
    throw failed();
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace abstractllm::io
