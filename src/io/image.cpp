// Finds an image's format and holds it to the limits.
// SPDX-License-Identifier: Apache-2.0
#include "io/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "io/image_codecs.h"

namespace abstractllm::io {
namespace {

constexpr std::array kCodecs = {&kBmpCodec, &kGifCodec, &kJpegCodec, &kPngCodec,
                                &kWebpCodec};

const ImageCodec& codec_of(ImageFormat format) {
  return **std::find_if(kCodecs.begin(), kCodecs.end(), [&](const auto* codec) {
    return codec->format == format;
  });
}

// The first bytes, for a message about what is no image.
std::string beginning(ImageBytes file) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(file.size(), 8); ++i) {
    text += fmt::format("{}{:02x}", i == 0 ? "" : " ", byte_at(file, i));
  }
  return text;
}

const ImageCodec& recognized(ImageBytes file) {
  for (const ImageCodec* codec : kCodecs) {
    if (codec->recognizes(file)) return *codec;
  }
  if (file.empty()) throw ImageProcessingError("[image] the file is empty");
  throw ImageProcessingError(
      fmt::format("[image] {} bytes that begin with {}: no known image",
                  file.size(), beginning(file)),
      "PNG, JPEG, WebP, GIF and BMP are read; convert the image to one of "
      "them");
}

void require_within(std::string_view what, std::uint64_t found,
                    std::uint64_t limit) {
  if (found <= limit) return;
  throw ResourceExceededError(
      fmt::format("[image] {} {}, the limit is {}", found, what, limit),
      "make the image smaller");
}

void check_file_bytes(std::uint64_t bytes, const ImageLimits& limits) {
  require_within("bytes of encoded image", bytes, limits.file_bytes);
}

}  // namespace

std::string_view to_string(ImageFormat format) noexcept {
  switch (format) {
    case ImageFormat::kBmp:
      return "BMP";
    case ImageFormat::kGif:
      return "GIF";
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kWebp:
      return "WebP";
  }
  return "";
}

void fail_image(ImageFormat format, const std::string& what) {
  throw ImageProcessingError(
      fmt::format("[image] {}: {}", to_string(format), what),
      "the file is damaged or incomplete");
}

PixelSource::PixelSource(RgbImage image)
    : ImageSource({.stored_width = image.width, .stored_height = image.height}),
      image_(std::move(image)) {
  if (image_.width > 0 && image_.height > 0 &&
      image_.pixels.size() / 3 / static_cast<std::size_t>(image_.width) ==
          static_cast<std::size_t>(image_.height) &&
      image_.pixels.size() % (3 * static_cast<std::size_t>(image_.width)) ==
          0) {
    return;
  }
  throw ImageProcessingError(fmt::format("[image] {} bytes for {}x{} pixels",
                                         image_.pixels.size(), image_.width,
                                         image_.height));
}

void PixelSource::read_rows(const RowSink& sink) const {
  const std::size_t row = 3 * static_cast<std::size_t>(image_.width);
  const std::span pixels(image_.pixels);
  for (std::size_t at = 0; at < pixels.size(); at += row) {
    sink(pixels.subspan(at, row));
  }
}

EncodedImage EncodedImage::from_file(
    std::shared_ptr<const base::MappedFile> file, const ImageLimits& limits) {
  check_file_bytes(file->bytes().size(), limits);
  const ImageCodec& codec = recognized(file->bytes());
  const ImageHeader header = codec.read_header(file->bytes());
  const ImageShape& shape = header.shape;
  if (shape.stored_width <= 0 || shape.stored_height <= 0) {
    fail_image(codec.format, fmt::format("{}x{} pixels", shape.stored_width,
                                         shape.stored_height));
  }
  require_within("pixels along one side",
                 static_cast<std::uint64_t>(
                     std::max(shape.stored_width, shape.stored_height)),
                 limits.side);
  require_within(fmt::format("pixels ({}x{})", shape.width(), shape.height()),
                 static_cast<std::uint64_t>(shape.stored_width) *
                     static_cast<std::uint64_t>(shape.stored_height),
                 limits.pixels);
  require_within("bytes of memory to decode the image", header.memory_bytes,
                 limits.memory_bytes);
  return {std::move(file), codec.format, shape, header.memory_bytes};
}

EncodedImage EncodedImage::open(const std::filesystem::path& path,
                                const ImageLimits& limits) {
  return from_file(base::MappedFile::open(path), limits);
}

EncodedImage EncodedImage::from_bytes(std::string_view bytes,
                                      const ImageLimits& limits) {
  check_file_bytes(bytes.size(), limits);
  return from_file(
      base::MappedFile::in_memory(std::as_bytes(std::span(bytes)), "image"),
      limits);
}

EncodedImage EncodedImage::from_data_url(std::string_view url,
                                         const ImageLimits& limits) {
  const std::size_t comma = url.find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos ||
      !url.substr(0, comma).ends_with(";base64")) {
    throw ImageProcessingError("[image] not a data URL of base64",
                               "write data:image/png;base64,...");
  }
  std::string text(url.substr(comma + 1));
  check_file_bytes(text.size() / 4 * 3, limits);
  // What clients send: line breaks, and no padding.
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  while (text.size() % 4 != 0) text += '=';
  const auto bytes = base::base64_decode(text);
  if (!bytes) {
    throw ImageProcessingError("[image] the data URL is not valid base64");
  }
  return from_bytes(*bytes, limits);
}

EncodedImage EncodedImage::from_part(const ImagePart& part,
                                     const ImageLimits& limits) {
  if (!part.path.empty()) return open(part.path, limits);
  if (part.url.starts_with("data:")) return from_data_url(part.url, limits);
  if (!part.url.empty()) {
    throw UnsupportedFeatureError(
        "[image] images are not fetched from the network for a local model",
        "download the image and pass its path or its bytes");
  }
  return from_bytes(part.bytes, limits);
}

void EncodedImage::read_rows(const RowSink& sink) const {
  int rows = 0;
  codec_of(format_).read_rows(file_->bytes(),
                              [&](std::span<const std::uint8_t> row) {
                                ++rows;
                                sink(row);
                              });
  if (rows != shape().stored_height) {
    fail_image(format_,
               fmt::format("{} of {} rows", rows, shape().stored_height));
  }
}

RgbImage read_pixels(const ImageSource& source) {
  const ImageShape& shape = source.shape();
  const auto [transposed, mirrored_x, mirrored_y] = shape.orientation;
  RgbImage image{.width = shape.width(), .height = shape.height()};
  image.pixels.resize(std::size_t{3} * static_cast<std::size_t>(image.width) *
                      static_cast<std::size_t>(image.height));
  // In bytes of the result: from one stored pixel, and row, to the next.
  const std::ptrdiff_t line = std::ptrdiff_t{3} * image.width;
  std::ptrdiff_t along = transposed ? line : 3;
  std::ptrdiff_t across = transposed ? 3 : line;
  std::ptrdiff_t start = 0;
  if (mirrored_x) {
    start += along * (shape.stored_width - 1);
    along = -along;
  }
  if (mirrored_y) {
    start += across * (shape.stored_height - 1);
    across = -across;
  }
  std::uint8_t* to = image.pixels.data() + start;
  int rows = 0;
  source.read_rows([&](std::span<const std::uint8_t> row) {
    std::uint8_t* pixel = to + rows++ * across;
    for (std::size_t i = 0; i < row.size(); i += 3) {
      std::copy_n(row.data() + i, 3,
                  pixel + static_cast<std::ptrdiff_t>(i / 3) * along);
    }
  });
  return image;
}

}  // namespace abstractllm::io
