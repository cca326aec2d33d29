// BMP: 1 to 32 bits, bit fields, run-length encoding; rows from any end.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <limits>
#include <vector>

#include "io/image_codecs.h"

namespace abstractllm::io {
namespace {

constexpr ImageFormat kFormat = ImageFormat::kBmp;
constexpr std::size_t kFileHeaderBytes = 14;

// Values in files; do not renumber.
enum Compression : std::uint32_t {
  kPlain = 0,
  kRunLength8 = 1,
  kRunLength4 = 2,
  kBitFields = 3,
  kAlphaBitFields = 6,
};

// Where one channel lies in a pixel.
struct Channel {
  std::uint32_t mask = 0;

  std::uint8_t level(std::uint32_t pixel) const {
    const std::uint32_t most = mask >> std::countr_zero(mask);
    const std::uint64_t value = (pixel & mask) >> std::countr_zero(mask);
    return static_cast<std::uint8_t>(value * 255 / most);
  }
};

struct Layout {
  int width = 0;
  int height = 0;
  bool bottom_up = true;
  std::uint32_t bits = 0;
  std::uint32_t compression = kPlain;
  std::array<Channel, 4> channels{};  // red, green, blue, opacity
  std::array<std::uint8_t, 3 * 256> palette{};
  std::size_t pixels_at = 0;

  bool runs() const {
    return compression == kRunLength8 || compression == kRunLength4;
  }
  std::size_t stride() const {
    return (static_cast<std::size_t>(width) * bits + 31) / 32 * 4;
  }
};

void read_palette(ImageBytes file, std::size_t at, std::size_t colours,
                  std::size_t entry, Layout& layout) {
  for (std::size_t i = 0; i < std::min<std::size_t>(colours, 256); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      layout.palette[3 * i + c] = byte_at(file, at + i * entry + 2 - c);
    }
  }
}

// Plain pixels of 16 bits have 5 for each channel.
void read_masks(ImageBytes file, std::size_t header, Layout& layout) {
  if (layout.compression == kPlain) {
    layout.channels =
        layout.bits == 16
            ? std::array<Channel, 4>{{{0x7C00}, {0x3E0}, {0x1F}}}
            : std::array<Channel, 4>{{{0xFF0000}, {0xFF00}, {0xFF}}};
    return;
  }
  // Behind a header of 40 bytes, inside a longer one.
  const std::size_t masks = kFileHeaderBytes + 40;
  const bool has_alpha = header >= 56 || layout.compression == kAlphaBitFields;
  for (std::size_t i = 0; i < (has_alpha ? 4U : 3U); ++i) {
    layout.channels[i].mask = u32_at(file, masks + 4 * i);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    if (layout.channels[i].mask == 0) {
      fail_image(kFormat, "a colour without bits");
    }
  }
}

void check(const Layout& layout) {
  const std::uint32_t bits = layout.bits;
  const std::uint32_t compression = layout.compression;
  const bool known =
      compression == kPlain ? bits == 1 || bits == 4 || bits == 8 ||
                                  bits == 16 || bits == 24 || bits == 32
      : compression == kRunLength8 ? bits == 8
      : compression == kRunLength4
          ? bits == 4
          : (compression == kBitFields || compression == kAlphaBitFields) &&
                (bits == 16 || bits == 32);
  if (!known) {
    fail_image(kFormat, fmt::format("compression {} of {} bits is not read",
                                    compression, bits));
  }
  if (layout.runs() && !layout.bottom_up) {
    fail_image(kFormat, "run lengths from the top");
  }
}

Layout read_layout(ImageBytes file) {
  const std::uint32_t header = u32_at(file, kFileHeaderBytes);
  if (header != 12 && (header < 40 || header > 124)) {
    fail_image(kFormat, fmt::format("a header of {} bytes", header));
  }
  if (file.size() < kFileHeaderBytes + header) {
    fail_image(kFormat, "the file ends in its header");
  }
  Layout layout;
  layout.pixels_at = u32_at(file, 10);
  std::size_t palette = kFileHeaderBytes + header;
  if (header == 12) {
    layout.width = static_cast<int>(u16_at(file, 18));
    layout.height = static_cast<int>(u16_at(file, 20));
    layout.bits = u16_at(file, 24);
  } else {
    layout.width = static_cast<int>(u32_at(file, 18));
    const auto height = static_cast<int>(u32_at(file, 22));
    if (height == std::numeric_limits<int>::min()) {
      fail_image(kFormat, fmt::format("a height of {}", height));
    }
    layout.bottom_up = height > 0;
    layout.height = std::abs(height);
    layout.bits = u16_at(file, 28);
    layout.compression = u32_at(file, 30);
    if (header == 40 && layout.compression == kBitFields) palette += 12;
    if (header == 40 && layout.compression == kAlphaBitFields) palette += 16;
  }
  check(layout);
  if (layout.bits <= 8) {
    std::size_t colours = header == 12 ? 0 : u32_at(file, 46);
    if (colours == 0) colours = std::size_t{1} << layout.bits;
    read_palette(file, palette, colours, header == 12 ? 3 : 4, layout);
  } else {
    read_masks(file, header, layout);
  }
  return layout;
}

// One stored row to RGB.
void widen(const Layout& layout, ImageBytes row, std::span<std::uint8_t> rgb) {
  const std::size_t bytes = layout.bits / 8;
  for (std::size_t x = 0; x < rgb.size() / 3; ++x) {
    std::uint8_t* out = &rgb[3 * x];
    if (layout.bits <= 8) {
      const std::size_t bit = x * layout.bits;
      const std::size_t index =
          byte_at(row, bit / 8) >> (8 - layout.bits - bit % 8) &
          ((1U << layout.bits) - 1);
      std::copy_n(&layout.palette[3 * index], 3, out);
      continue;
    }
    const std::uint32_t pixel =
        bytes == 2 ? u16_at(row, 2 * x)
        : bytes == 3
            ? u16_at(row, 3 * x) | std::uint32_t{byte_at(row, 3 * x + 2)} << 16
            : u32_at(row, 4 * x);
    const Channel& opacity = layout.channels[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const std::uint8_t level = layout.channels[c].level(pixel);
      out[c] =
          opacity.mask == 0 ? level : over_white(level, opacity.level(pixel));
    }
  }
}

// The colour numbers of a run-length encoded image, bottom row first.
class Runs {
 public:
  Runs(const Layout& layout, ImageBytes data)
      : data_(data),
        nibbles_(layout.compression == kRunLength4),
        width_(static_cast<std::size_t>(layout.width)),
        height_(static_cast<std::size_t>(layout.height)),
        pixels_(width_ * height_) {}

  std::vector<std::uint8_t> decode() {
    while (row_ < height_) {
      const std::size_t count = next();
      const std::uint8_t value = next();
      if (count > 0) {
        for (std::size_t i = 0; i < count; ++i) put(colour(value, i));
      } else if (value == 0) {
        column_ = 0;
        ++row_;
      } else if (value == 1) {
        break;
      } else if (value == 2) {
        column_ += next();
        row_ += next();
      } else {
        copy(value);
      }
    }
    return std::move(pixels_);
  }

 private:
  std::uint8_t next() {
    if (at_ >= data_.size()) fail_image(kFormat, "the file ends early");
    return byte_at(data_, at_++);
  }

  std::uint8_t colour(std::uint8_t value, std::size_t i) const {
    if (!nibbles_) return value;
    return i % 2 == 0 ? value >> 4 : value & 15;
  }

  void put(std::uint8_t index) {
    if (column_ < width_ && row_ < height_) {
      pixels_[row_ * width_ + column_] = index;
    }
    ++column_;
  }

  // Colours as they stand, to an even number of bytes.
  void copy(std::size_t count) {
    const std::size_t bytes = nibbles_ ? (count + 1) / 2 : count;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::uint8_t value = next();
      put(colour(value, 0));
      if (nibbles_ && 2 * i + 1 < count) put(colour(value, 1));
    }
    if (bytes % 2 != 0) next();
  }

  ImageBytes data_;
  bool nibbles_;
  std::size_t width_;
  std::size_t height_;
  std::vector<std::uint8_t> pixels_;
  std::size_t at_ = 0;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
};

bool recognizes(ImageBytes file) {
  return byte_at(file, 0) == 'B' && byte_at(file, 1) == 'M' &&
         file.size() > kFileHeaderBytes + 4;
}

ImageHeader read_header(ImageBytes file) {
  const Layout layout = read_layout(file);
  std::uint64_t memory = 4096 + 3 * static_cast<std::uint64_t>(layout.width);
  if (layout.runs()) {
    memory += static_cast<std::uint64_t>(layout.width) *
              static_cast<std::uint64_t>(layout.height);
  } else if (layout.pixels_at > file.size() ||
             layout.stride() * static_cast<std::uint64_t>(layout.height) >
                 file.size() - layout.pixels_at) {
    fail_image(
        kFormat,
        fmt::format("{} bytes of file for {}x{} pixels of {} bits", file.size(),
                    layout.width, layout.height, layout.bits));
  }
  return {
      .shape = {.stored_width = layout.width, .stored_height = layout.height},
      .memory_bytes = memory};
}

void read_rows(ImageBytes file, const RowSink& sink) {
  Layout layout = read_layout(file);
  ImageBytes data =
      file.subspan(std::min<std::size_t>(layout.pixels_at, file.size()));
  std::vector<std::uint8_t> indices;
  std::size_t stride = layout.stride();
  if (layout.runs()) {
    indices = Runs(layout, data).decode();
    data = std::as_bytes(std::span(indices));
    stride = static_cast<std::size_t>(layout.width);
    layout.bits = 8;
  }
  const auto height = static_cast<std::size_t>(layout.height);
  std::vector<std::uint8_t> rgb(3 * static_cast<std::size_t>(layout.width));
  for (std::size_t y = 0; y < height; ++y) {
    const std::size_t row = layout.bottom_up ? height - 1 - y : y;
    widen(layout, data.subspan(row * stride, stride), rgb);
    sink(rgb);
  }
}

}  // namespace

const ImageCodec kBmpCodec = {kFormat, recognizes, read_header, read_rows};

}  // namespace abstractllm::io
