// The image formats that are read: what each one must be able to do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/image.h"

namespace abstractllm::io {

using ImageBytes = std::span<const std::byte>;

/// What a file's header says, before any pixel is decoded.
struct ImageHeader {
  ImageShape shape{};
  std::uint64_t memory_bytes = 0;  ///< predicted working memory of read_rows
};

/// One format. All throw ImageProcessingError for damaged files. read_rows is
/// called with a file whose header was read and is within the limits.
struct ImageCodec {
  ImageFormat format;
  bool (*recognizes)(ImageBytes file);
  ImageHeader (*read_header)(ImageBytes file);
  void (*read_rows)(ImageBytes file, const RowSink& sink);
};

extern const ImageCodec kBmpCodec;
extern const ImageCodec kGifCodec;
extern const ImageCodec kJpegCodec;
extern const ImageCodec kPngCodec;
extern const ImageCodec kWebpCodec;

/// The orientation in an EXIF block (a TIFF header and its directory, without
/// "Exif\0\0"); upright where there is none, or the block is damaged.
Orientation exif_orientation(ImageBytes exif);

/// Throws ImageProcessingError: "[image] FORMAT: WHAT".
[[noreturn]] void fail_image(ImageFormat format, const std::string& what);

/// `level` with opacity `alpha` over white, rounded as Pillow's
/// alpha_composite does.
inline std::uint8_t over_white(std::uint8_t level, std::uint8_t alpha) {
  if (alpha == 0) return 255;
  const std::uint32_t sum =
      (std::uint32_t{level} * alpha + 255U * (255U - alpha)) * 128 + 0x4000;
  return static_cast<std::uint8_t>(((sum >> 8) + sum) >> 15);
}

/// RGBA pixels over white; rgb holds as many pixels.
inline void flatten(const std::uint8_t* rgba, std::span<std::uint8_t> rgb) {
  for (std::size_t i = 0; i < rgb.size(); i += 3, rgba += 4) {
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[i + c] = over_white(rgba[c], rgba[3]);
    }
  }
}

/// The byte at `at`; 0 behind the end.
inline std::uint8_t byte_at(ImageBytes file, std::size_t at) {
  return at < file.size() ? static_cast<std::uint8_t>(file[at])
                          : std::uint8_t{0};
}

/// Little-endian numbers; bytes behind the end count as 0.
inline std::uint32_t u16_at(ImageBytes file, std::size_t at) {
  return byte_at(file, at) | std::uint32_t{byte_at(file, at + 1)} << 8;
}
inline std::uint32_t u32_at(ImageBytes file, std::size_t at) {
  return u16_at(file, at) | u16_at(file, at + 2) << 16;
}

}  // namespace abstractllm::io
