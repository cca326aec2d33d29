// Blocks, frames and codes of a GIF.
// SPDX-License-Identifier: Apache-2.0
#include "io/gif_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace abstractllm::io {
namespace {

constexpr ImageFormat kFormat = ImageFormat::kGif;
constexpr std::size_t kMaxCodes = 4096;

[[noreturn]] void fail_short() { fail_image(kFormat, "the file ends early"); }

// The sub-blocks of a GIF as one stream of bytes.
class Blocks {
 public:
  Blocks(ImageBytes file, std::size_t at) : file_(file), at_(at) {}

  // Nothing behind the last block.
  std::optional<std::uint8_t> next() {
    if (left_ == 0) {
      if (ended_) return std::nullopt;
      if (at_ >= file_.size()) fail_short();
      left_ = byte_at(file_, at_++);
      if (left_ == 0) {
        ended_ = true;
        return std::nullopt;
      }
    }
    if (at_ >= file_.size()) fail_short();
    --left_;
    return byte_at(file_, at_++);
  }

  // Where the file goes on behind the last block.
  std::size_t skip() {
    while (next()) continue;
    return at_;
  }

 private:
  ImageBytes file_;
  std::size_t at_;
  std::size_t left_ = 0;
  bool ended_ = false;
};

std::size_t read_palette(ImageBytes file, std::size_t at, std::uint8_t flags,
                         GifFrame& frame) {
  if ((flags & 0x80) == 0) return at;
  const std::size_t bytes = std::size_t{3} << ((flags & 7) + 1);
  frame.palette.fill(0);
  for (std::size_t i = 0; i < bytes; ++i) {
    frame.palette[i] = byte_at(file, at + i);
  }
  return at + bytes;
}

// Without a palette the numbers are grey levels.
void fill_grey(GifFrame& frame) {
  for (std::size_t i = 0; i < frame.palette.size(); ++i) {
    frame.palette[i] = static_cast<std::uint8_t>(i / 3);
  }
}

void read_descriptor(ImageBytes file, std::size_t at, GifFrame& frame) {
  if (at + 10 > file.size()) fail_short();
  frame.left = static_cast<int>(u16_at(file, at));
  frame.top = static_cast<int>(u16_at(file, at + 2));
  frame.width = static_cast<int>(u16_at(file, at + 4));
  frame.height = static_cast<int>(u16_at(file, at + 6));
  const std::uint8_t flags = byte_at(file, at + 8);
  frame.interlaced = (flags & 0x40) != 0;
  frame.data_at = read_palette(file, at + 9, flags, frame);
  // Writers exist that make the canvas too small.
  frame.canvas_width = std::max(frame.canvas_width, frame.left + frame.width);
  frame.canvas_height = std::max(frame.canvas_height, frame.top + frame.height);
}

// Graphic control: flags, two bytes of delay, the transparent number.
void read_control(ImageBytes file, std::size_t at, GifFrame& frame) {
  const std::uint8_t flags = byte_at(file, at + 2);
  frame.transparent.reset();
  if ((flags & 1) != 0) frame.transparent = byte_at(file, at + 5);
  frame.delay = static_cast<int>(u16_at(file, at + 3));
  const int disposal = (flags >> 2) & 7;
  frame.disposal = disposal == 2   ? GifDisposal::kClear
                   : disposal == 3 ? GifDisposal::kRestore
                                   : GifDisposal::kKeep;
}

// LZW with growing codes (GIF89a, appendix F).
class Lzw {
 public:
  Lzw(ImageBytes file, std::size_t at)
      : first_bits_(byte_at(file, at)), blocks_(file, at + 1) {
    if (first_bits_ < 1 || first_bits_ > 11) {
      fail_image(kFormat, fmt::format("codes of {} bits", first_bits_));
    }
    for (std::size_t i = 0; i < clear(); ++i) {
      suffix_[i] = static_cast<std::uint8_t>(i);
    }
    restart();
  }

  // Fills `row`; false if the codes end before.
  bool fill(std::span<std::uint8_t> row) {
    for (std::uint8_t& pixel : row) {
      if (depth_ == 0 && !expand()) return false;
      pixel = stack_[--depth_];
    }
    return true;
  }

 private:
  static constexpr std::size_t kNone = kMaxCodes;

  std::size_t clear() const { return std::size_t{1} << first_bits_; }

  void restart() {
    bits_ = first_bits_ + 1;
    next_ = clear() + 2;
    previous_ = kNone;
  }

  std::optional<std::size_t> read_code() {
    while (held_ < bits_) {
      const auto byte = blocks_.next();
      if (!byte) return std::nullopt;
      pool_ |= std::uint32_t{*byte} << held_;
      held_ += 8;
    }
    const std::size_t code = pool_ & ((1U << bits_) - 1);
    pool_ >>= bits_;
    held_ -= bits_;
    return code;
  }

  // The pixels of the next code onto the stack, last one first.
  bool expand() {
    auto code = read_code();
    while (code == clear()) {
      restart();
      code = read_code();
    }
    if (!code || *code == clear() + 1) return false;
    if (*code > next_ || (*code == next_ && previous_ == kNone)) {
      fail_image(kFormat, fmt::format("code {} of {}", *code, next_));
    }
    std::size_t walk = *code;
    if (*code == next_) {
      stack_[depth_++] = first_;
      walk = previous_;
    }
    for (; walk >= clear(); walk = prefix_[walk]) {
      stack_[depth_++] = suffix_[walk];
    }
    first_ = suffix_[walk];
    stack_[depth_++] = first_;
    if (previous_ != kNone && next_ < kMaxCodes) {
      prefix_[next_] = static_cast<std::uint16_t>(previous_);
      suffix_[next_] = first_;
      if (++next_ == std::size_t{1} << bits_ && bits_ < 12) ++bits_;
    }
    previous_ = *code;
    return true;
  }

  unsigned first_bits_;
  Blocks blocks_;
  unsigned bits_ = 0;
  std::uint32_t pool_ = 0;
  unsigned held_ = 0;
  std::size_t next_ = 0;
  std::size_t previous_ = kNone;
  std::uint8_t first_ = 0;
  std::array<std::uint16_t, kMaxCodes> prefix_{};
  std::array<std::uint8_t, kMaxCodes> suffix_{};
  std::array<std::uint8_t, kMaxCodes + 1> stack_{};
  std::size_t depth_ = 0;
};

}  // namespace

GifScanner::GifScanner(ImageBytes file) : file_(file) {
  constexpr std::size_t kHeaderBytes = 13;
  if (file.size() < kHeaderBytes) fail_short();
  fill_grey(empty_);
  empty_.canvas_width = static_cast<int>(u16_at(file, 6));
  empty_.canvas_height = static_cast<int>(u16_at(file, 8));
  at_ = read_palette(file, kHeaderBytes, byte_at(file, 10), empty_);
}

std::optional<GifFrame> GifScanner::next() {
  if (data_at_) at_ = Blocks(file_, *data_at_ + 1).skip();
  data_at_.reset();
  GifFrame frame = empty_;
  while (at_ < file_.size()) {
    const std::uint8_t kind = byte_at(file_, at_++);
    if (kind == ',') {
      read_descriptor(file_, at_, frame);
      data_at_ = frame.data_at;
      return frame;
    }
    if (kind == ';') break;
    if (kind != '!') {
      fail_image(kFormat, fmt::format("a block of unknown kind {}", kind));
    }
    if (byte_at(file_, at_) == 0xF9) read_control(file_, at_, frame);
    at_ = Blocks(file_, at_ + 1).skip();
  }
  at_ = file_.size();
  return std::nullopt;
}

// Calls `row` with the colour numbers of each row of the frame from the top.
void decode_gif(ImageBytes file, const GifFrame& frame,
                const std::function<void(std::span<const std::uint8_t>)>& row) {
  Lzw codes(file, frame.data_at);
  const auto width = static_cast<std::size_t>(frame.width);
  const auto height = static_cast<std::size_t>(frame.height);
  const auto fill = [&](std::span<std::uint8_t> pixels, std::size_t y) {
    if (codes.fill(pixels)) return;
    fail_image(kFormat,
               fmt::format("the pixels end in row {} of {}", y, frame.height));
  };
  if (!frame.interlaced) {
    std::vector<std::uint8_t> pixels(width);
    for (std::size_t y = 0; y < height; ++y) {
      fill(pixels, y);
      row(pixels);
    }
    return;
  }
  std::vector<std::uint8_t> pixels(width * height);
  constexpr std::array<std::array<std::size_t, 2>, 4> kPasses = {
      {{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  for (const auto& [first, step] : kPasses) {
    for (std::size_t y = first; y < height; y += step) {
      fill(std::span(pixels).subspan(y * width, width), y);
    }
  }
  for (std::size_t y = 0; y < height; ++y) {
    row(std::span(pixels).subspan(y * width, width));
  }
}

}  // namespace abstractllm::io
