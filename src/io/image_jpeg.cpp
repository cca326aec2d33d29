// JPEG over libjpeg-turbo: row by row, coefficients whole where it must be.
// SPDX-License-Identifier: Apache-2.0
// clang-format off
#include <cstdio>  // jpeglib.h needs FILE
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <csetjmp>
#include <cstring>
#include <string>
#include <vector>

#include "io/image_codecs.h"

namespace abstractllm::io {
namespace {

constexpr ImageFormat kFormat = ImageFormat::kJpeg;

// What libjpeg keeps beside rows and coefficients.
constexpr std::uint64_t kFixedBytes = 512 * 1024;

// Each scan of a progressive file goes over the whole image; this many is far
// beyond what encoders write, and short of a denial of service.
constexpr int kMaxScans = 500;

// Errors jump to `jump`, so nothing with a destructor may live in the frames
// between it and guarded().
struct Failure {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

void on_error(j_common_ptr codec) {
  auto* failure = reinterpret_cast<Failure*>(codec->err);
  codec->err->format_message(codec, failure->message);
  std::longjmp(failure->jump, 1);
}

// libjpeg fills what is missing with grey and goes on; other damage is left to
// it, as Pillow leaves it.
void on_message(j_common_ptr codec, int level) {
  if (level < 0 && codec->err->msg_code == JWRN_JPEG_EOF) on_error(codec);
}

void on_output(j_common_ptr) {}

void on_progress(j_common_ptr codec) {
  if (reinterpret_cast<j_decompress_ptr>(codec)->input_scan_number >
      kMaxScans) {
    auto* failure = reinterpret_cast<Failure*>(codec->err);
    std::strncpy(failure->message, "too many scans",
                 sizeof failure->message - 1);
    std::longjmp(failure->jump, 1);
  }
}

class Reader {
 public:
  explicit Reader(ImageBytes file) {
    codec_.err = jpeg_std_error(&failure_.manager);
    failure_.manager.error_exit = on_error;
    failure_.manager.emit_message = on_message;
    failure_.manager.output_message = on_output;
    guarded([this, file] {
      jpeg_create_decompress(&codec_);
      codec_.progress = &progress_;
      progress_.progress_monitor = on_progress;
      jpeg_save_markers(&codec_, JPEG_APP0 + 1, 0xFFFF);
      jpeg_mem_src(&codec_, reinterpret_cast<const std::uint8_t*>(file.data()),
                   file.size());
      jpeg_read_header(&codec_, TRUE);
    });
  }
  ~Reader() { jpeg_destroy_decompress(&codec_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  int width() const { return static_cast<int>(codec_.image_width); }
  int height() const { return static_cast<int>(codec_.image_height); }
  int components() const { return codec_.num_components; }

  // Of files whose rows are spread over several scans: 16 bits for each
  // coefficient, whole blocks of them.
  std::uint64_t coefficient_bytes() {
    if (jpeg_has_multiple_scans(&codec_) == FALSE) return 0;
    std::uint64_t bytes = 0;
    for (int i = 0; i < codec_.num_components; ++i) {
      const jpeg_component_info& component = codec_.comp_info[i];
      const auto blocks = [](JDIMENSION side, int sampling, int most) {
        const std::uint64_t mcu = 8ULL * static_cast<std::uint64_t>(most);
        return (side + mcu - 1) / mcu * static_cast<std::uint64_t>(sampling);
      };
      bytes += blocks(codec_.image_width, component.h_samp_factor,
                      codec_.max_h_samp_factor) *
               blocks(codec_.image_height, component.v_samp_factor,
                      codec_.max_v_samp_factor) *
               64 * sizeof(JCOEF);
    }
    return bytes;
  }

  Orientation orientation() const {
    constexpr std::string_view kExif("Exif\0\0", 6);
    for (auto* marker = codec_.marker_list; marker != nullptr;
         marker = marker->next) {
      if (marker->data_length < kExif.size() ||
          std::memcmp(marker->data, kExif.data(), kExif.size()) != 0) {
        continue;
      }
      return exif_orientation(
          std::as_bytes(std::span(marker->data, marker->data_length))
              .subspan(kExif.size()));
    }
    return {};
  }

  void start() {
    codec_.out_color_space = components() == 4 ? JCS_CMYK : JCS_RGB;
    guarded([this] { jpeg_start_decompress(&codec_); });
  }

  void read_row(std::uint8_t* row) {
    guarded([this, row] {
      JSAMPROW rows[] = {row};
      jpeg_read_scanlines(&codec_, rows, 1);
    });
  }

 private:
  template <typename Call>
  void guarded(const Call& call) {
    if (setjmp(failure_.jump) != 0) fail();
    call();
  }

  // A constructor that throws runs no destructor; destroying twice is allowed.
  [[noreturn]] void fail() {
    jpeg_destroy_decompress(&codec_);
    fail_image(kFormat, failure_.message);
  }

  Failure failure_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct codec_{};
};

// Adobe writes inverted CMYK, and Pillow takes every file for Adobe's.
void to_rgb(const std::uint8_t* cmyk, std::span<std::uint8_t> rgb) {
  for (std::size_t i = 0; i < rgb.size(); i += 3, cmyk += 4) {
    const int black = cmyk[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[c]) * black + 128;
      rgb[i + c] = static_cast<std::uint8_t>(
          std::max(0, black - (((product >> 8) + product) >> 8)));
    }
  }
}

bool recognizes(ImageBytes file) {
  return byte_at(file, 0) == 0xFF && byte_at(file, 1) == 0xD8 &&
         byte_at(file, 2) == 0xFF;
}

ImageHeader read_header(ImageBytes file) {
  Reader reader(file);
  if (const int components = reader.components();
      components != 1 && components != 3 && components != 4) {
    fail_image(kFormat, std::to_string(components) + " components");
  }
  // libjpeg's rows in work: 8 of samples before and after upsampling.
  const auto width = static_cast<std::uint64_t>(reader.width());
  return {
      .shape = {.stored_width = reader.width(),
                .stored_height = reader.height(),
                .orientation = reader.orientation()},
      .memory_bytes = kFixedBytes + width * 256 + reader.coefficient_bytes()};
}

void read_rows(ImageBytes file, const RowSink& sink) {
  Reader reader(file);
  reader.start();
  const auto width = static_cast<std::size_t>(reader.width());
  const bool is_cmyk = reader.components() == 4;
  std::vector<std::uint8_t> row((is_cmyk ? 4 : 3) * width);
  std::vector<std::uint8_t> rgb(is_cmyk ? 3 * width : 0);
  for (int y = 0; y < reader.height(); ++y) {
    reader.read_row(row.data());
    if (is_cmyk) to_rgb(row.data(), rgb);
    sink(is_cmyk ? rgb : row);
  }
}

}  // namespace

const ImageCodec kJpegCodec = {kFormat, recognizes, read_header, read_rows};

}  // namespace abstractllm::io
