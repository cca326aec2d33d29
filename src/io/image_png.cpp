// PNG over libpng: row by row, whole only where it is interlaced.
// SPDX-License-Identifier: Apache-2.0
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "io/image_codecs.h"

namespace abstractllm::io {
namespace {

constexpr ImageFormat kFormat = ImageFormat::kPng;

// What libpng and zlib keep beside rows.
constexpr std::uint64_t kFixedBytes = 256 * 1024;

// A reader's state; libpng's errors jump to `jump`, so nothing with a
// destructor may live in the frames between it and guarded().
struct Source {
  ImageBytes rest;
  std::jmp_buf jump;
  char message[96];
};

void on_error(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message, message, sizeof source->message - 1);
  std::longjmp(source->jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep to, std::size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (size > source->rest.size()) png_error(png, "the file ends early");
  std::memcpy(to, source->rest.data(), size);
  source->rest = source->rest.subspan(size);
}

class Reader {
 public:
  explicit Reader(ImageBytes file) : source_{.rest = file} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source_, on_error,
                                  on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      fail_image(kFormat, "libpng cannot start");
    }
    guarded([this] {
      // The limits on pixels are EncodedImage's.
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
      png_set_read_fn(png_, &source_, on_read);
      png_read_info(png_, info_);
    });
  }
  ~Reader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  int width() const {
    return static_cast<int>(png_get_image_width(png_, info_));
  }
  int height() const {
    return static_cast<int>(png_get_image_height(png_, info_));
  }
  bool interlaced() const {
    return png_get_interlace_type(png_, info_) != PNG_INTERLACE_NONE;
  }

  Orientation orientation() {
    png_uint_32 size = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0) return {};
    return exif_orientation(std::as_bytes(std::span(exif, size)));
  }

  // RGB or RGBA of 8 bits from here on; gives the channels.
  std::size_t start() {
    guarded([this] {
      png_set_expand(png_);
      png_set_strip_16(png_);
      png_set_gray_to_rgb(png_);
      if (interlaced()) png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
    });
    return png_get_channels(png_, info_);
  }

  void read_row(std::uint8_t* row) {
    guarded([this, row] { png_read_row(png_, row, nullptr); });
  }
  void read_all(std::uint8_t** rows) {
    guarded([this, rows] { png_read_image(png_, rows); });
  }

 private:
  template <typename Call>
  void guarded(const Call& call) {
    if (setjmp(source_.jump) != 0) fail();
    call();
  }

  // A constructor that throws runs no destructor.
  [[noreturn]] void fail() {
    const std::string message = source_.message;
    png_destroy_read_struct(&png_, &info_, nullptr);
    fail_image(kFormat, message);
  }

  Source source_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

void emit(const std::uint8_t* row, std::size_t channels,
          std::vector<std::uint8_t>& rgb, const RowSink& sink) {
  if (channels == 3) {
    sink({row, rgb.size()});
    return;
  }
  flatten(row, rgb);
  sink(rgb);
}

bool recognizes(ImageBytes file) {
  constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
  return file.size() >= kSignature.size() &&
         std::memcmp(file.data(), kSignature.data(), kSignature.size()) == 0;
}

ImageHeader read_header(ImageBytes file) {
  Reader reader(file);
  const auto width = static_cast<std::uint64_t>(reader.width());
  const auto height = static_cast<std::uint64_t>(reader.height());
  // Two rows of 16-bit RGBA in libpng, two of ours.
  std::uint64_t memory = kFixedBytes + width * (2 * 8 + 4 + 3);
  if (reader.interlaced()) memory += 4 * width * height + 8 * height;
  return {.shape = {.stored_width = reader.width(),
                    .stored_height = reader.height(),
                    .orientation = reader.orientation()},
          .memory_bytes = memory};
}

void read_rows(ImageBytes file, const RowSink& sink) {
  Reader reader(file);
  const auto width = static_cast<std::size_t>(reader.width());
  const auto height = static_cast<std::size_t>(reader.height());
  const std::size_t channels = reader.start();
  std::vector<std::uint8_t> rgb(3 * width);
  const std::size_t stride = channels * width;
  if (!reader.interlaced()) {
    std::vector<std::uint8_t> row(stride);
    for (std::size_t y = 0; y < height; ++y) {
      reader.read_row(row.data());
      emit(row.data(), channels, rgb, sink);
    }
    return;
  }
  // Not written before there is something to write: headers may lie.
  const auto image =
      std::make_unique_for_overwrite<std::uint8_t[]>(stride * height);
  std::vector<std::uint8_t*> rows(height);
  for (std::size_t y = 0; y < height; ++y) rows[y] = image.get() + y * stride;
  reader.read_all(rows.data());
  for (const std::uint8_t* row : rows) emit(row, channels, rgb, sink);
}

}  // namespace

const ImageCodec kPngCodec = {kFormat, recognizes, read_header, read_rows};

}  // namespace abstractllm::io
