// The one EXIF tag that matters here: the orientation.
// SPDX-License-Identifier: Apache-2.0
#include "io/image_codecs.h"

namespace abstractllm::io {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::size_t kEntryBytes = 12;

struct TiffNumbers {
  ImageBytes bytes;
  bool big_endian;

  std::uint32_t u16(std::size_t at) const {
    return big_endian
               ? std::uint32_t{byte_at(bytes, at)} << 8 | byte_at(bytes, at + 1)
               : u16_at(bytes, at);
  }
  std::uint32_t u32(std::size_t at) const {
    return big_endian ? u16(at) << 16 | u16(at + 2) : u32_at(bytes, at);
  }
};

// EXIF's numbers 1 to 8.
Orientation orientation_of(std::uint32_t value) {
  switch (value) {
    case 2:
      return {.mirrored_x = true};
    case 3:
      return {.mirrored_x = true, .mirrored_y = true};
    case 4:
      return {.mirrored_y = true};
    case 5:
      return {.transposed = true};
    case 6:
      return {.transposed = true, .mirrored_y = true};
    case 7:
      return {.transposed = true, .mirrored_x = true, .mirrored_y = true};
    case 8:
      return {.transposed = true, .mirrored_x = true};
    default:
      return {};
  }
}

}  // namespace

Orientation exif_orientation(ImageBytes exif) {
  const bool big_endian = byte_at(exif, 0) == 'M' && byte_at(exif, 1) == 'M';
  const bool little_endian = byte_at(exif, 0) == 'I' && byte_at(exif, 1) == 'I';
  if (!big_endian && !little_endian) return {};
  const TiffNumbers tiff{exif, big_endian};
  const std::size_t directory = tiff.u32(4);
  const std::size_t entries = tiff.u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (entry + kEntryBytes > exif.size()) return {};
    if (tiff.u16(entry) == kOrientationTag) {
      return orientation_of(tiff.u16(entry + 8));
    }
  }
  return {};
}

}  // namespace abstractllm::io
