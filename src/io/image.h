// Encoded images (PNG, JPEG, WebP, GIF, BMP) as rows of RGB pixels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"
#include "base/mapped_file.h"

namespace abstractllm::io {

enum class ImageFormat { kBmp, kGif, kJpeg, kPng, kWebp };

/// "PNG", "JPEG", ...
std::string_view to_string(ImageFormat format) noexcept;

/// What an image may cost. All are checked against the file's header,
/// before anything of that size is allocated.
struct ImageLimits {
  /// Of the encoded file.
  std::uint64_t file_bytes = std::uint64_t{512} << 20;
  /// width * height; Pillow refuses the same number.
  std::uint64_t pixels = 178'956'970;
  /// Width and height: what resizing holds grows with them.
  std::uint64_t side = std::uint64_t{1} << 20;
  /// Working memory of the decoder: a few rows, or whole frames for files that
  /// cannot be decoded row by row (progressive JPEG, interlaced PNG, WebP).
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
};

/// Interleaved 8-bit RGB, row after row from the top: (height, width, 3).
struct RgbImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels{};
  bool operator==(const RgbImage&) const = default;
};

/// Where the upright image's pixel (x, y) is stored (EXIF's orientation): at
/// (y, x) if transposed, else at (x, y); then counted from the right if
/// mirrored_x and from the bottom if mirrored_y.
struct Orientation {
  bool transposed = false;
  bool mirrored_x = false;
  bool mirrored_y = false;
  bool operator==(const Orientation&) const = default;
};

/// Size and position of the stored rows; width() and height() are upright.
struct ImageShape {
  int stored_width = 0;
  int stored_height = 0;
  Orientation orientation{};

  int width() const {
    return orientation.transposed ? stored_height : stored_width;
  }
  int height() const {
    return orientation.transposed ? stored_width : stored_height;
  }
  bool operator==(const ImageShape&) const = default;
};

/// Takes one stored row, 3 * stored_width bytes, valid during the call.
using RowSink = std::function<void(std::span<const std::uint8_t>)>;

/// An image whose rows can be read, any number of times. Immutable;
/// thread-safe.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  const ImageShape& shape() const noexcept { return shape_; }
  int width() const { return shape_.width(); }
  int height() const { return shape_.height(); }

  /// Calls `sink` for each stored row from the top. Throws ImageProcessingError
  /// if the file is truncated or damaged; rows given before stay given. What
  /// `sink` throws ends the reading.
  virtual void read_rows(const RowSink& sink) const = 0;

 protected:
  explicit ImageSource(ImageShape shape) : shape_(shape) {}
  ImageSource(const ImageSource&) = default;
  ImageSource& operator=(const ImageSource&) = default;

 private:
  ImageShape shape_;
};

/// Pixels in memory as a source.
class PixelSource final : public ImageSource {
 public:
  /// Throws ImageProcessingError if the pixels are not width * height * 3.
  explicit PixelSource(RgbImage image);
  void read_rows(const RowSink& sink) const override;

 private:
  RgbImage image_;
};

/// One encoded image. The format is found from its content, whatever its name
/// says; of several frames the first is taken. Pixels come out as Pillow and
/// the reference processors have them: grey and palettes widened, the high byte
/// of 16 bits, CMYK and YCCK through Adobe's inversion, colour profiles
/// ignored, transparency over white.
class EncodedImage final : public ImageSource {
 public:
  /// Read the header and check it. Throw ImageProcessingError for what is no
  /// image, damaged or of a format not read here, FileProcessingError for an
  /// unreadable path, and ResourceExceededError with the numbers for one
  /// beyond `limits`.
  static EncodedImage open(const std::filesystem::path& path,
                           const ImageLimits& limits = {});
  static EncodedImage from_bytes(std::string_view bytes,
                                 const ImageLimits& limits = {});
  /// "data:image/png;base64,...".
  static EncodedImage from_data_url(std::string_view url,
                                    const ImageLimits& limits = {});
  /// By path, bytes, or a data URL; UnsupportedFeatureError for another URL.
  static EncodedImage from_part(const ImagePart& part,
                                const ImageLimits& limits = {});

  ImageFormat format() const noexcept { return format_; }
  /// The encoded file.
  std::span<const std::byte> bytes() const noexcept { return file_->bytes(); }
  /// Predicted working memory of read_rows(), in bytes.
  std::uint64_t memory_bytes() const noexcept { return memory_bytes_; }

  void read_rows(const RowSink& sink) const override;

 private:
  EncodedImage(std::shared_ptr<const base::MappedFile> file, ImageFormat format,
               ImageShape shape, std::uint64_t memory_bytes)
      : ImageSource(shape),
        file_(std::move(file)),
        format_(format),
        memory_bytes_(memory_bytes) {}
  static EncodedImage from_file(std::shared_ptr<const base::MappedFile> file,
                                const ImageLimits& limits);

  std::shared_ptr<const base::MappedFile> file_;
  ImageFormat format_;
  std::uint64_t memory_bytes_;
};

/// The whole upright image.
RgbImage read_pixels(const ImageSource& source);

}  // namespace abstractllm::io
