// Frames of a GIF drawn over one another.
// SPDX-License-Identifier: Apache-2.0
#include "io/animation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "io/gif_frames.h"

namespace abstractllm::io {
namespace {

constexpr int kChannels = 4;
// Of all frames: each has to be drawn, and a few bytes can stand for many.
constexpr std::int64_t kMostPixels = 8'000'000'000;

// RGBA of the canvas.
class Canvas {
 public:
  Canvas(int width, int height)
      : width_(width),
        height_(height),
        pixels_(static_cast<std::size_t>(width) *
                static_cast<std::size_t>(height) * kChannels) {}

  void draw(ImageBytes file, const GifFrame& frame) {
    int y = frame.top;
    decode_gif(file, frame, [&](std::span<const std::uint8_t> row) {
      if (y < height_) draw_row(row, frame, y);
      ++y;
    });
  }

  // To transparency, as browsers do; nobody follows the background's colour.
  void clear(const GifFrame& frame) {
    const int right = std::min(width_, frame.left + frame.width);
    const int bottom = std::min(height_, frame.top + frame.height);
    if (frame.left >= right) return;
    for (int y = frame.top; y < bottom; ++y) {
      std::fill_n(at(frame.left, y), (right - frame.left) * kChannels,
                  std::uint8_t{0});
    }
  }

  RgbImage flattened() const {
    RgbImage image{.width = width_, .height = height_};
    image.pixels.resize(pixels_.size() / kChannels * 3);
    flatten(pixels_.data(), image.pixels);
    return image;
  }

 private:
  std::uint8_t* at(int x, int y) {
    return &pixels_[(static_cast<std::size_t>(y) *
                         static_cast<std::size_t>(width_) +
                     static_cast<std::size_t>(x)) *
                    kChannels];
  }

  void draw_row(std::span<const std::uint8_t> row, const GifFrame& frame,
                int y) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const int x = frame.left + static_cast<int>(i);
      if (x >= width_ || row[i] == frame.transparent) continue;
      std::uint8_t* pixel = at(x, y);
      std::copy_n(&frame.palette[std::size_t{3} * row[i]], 3, pixel);
      pixel[3] = 255;
    }
  }

  int width_;
  int height_;
  std::vector<std::uint8_t> pixels_;
};

class Animation final : public MovingPicture {
 public:
  Animation(EncodedImage gif, std::optional<double> rate,
            const ImageLimits& limits)
      : gif_(std::move(gif)) {
    width_ = gif_.width();
    height_ = gif_.height();
    // Two canvases and what is given out.
    constexpr std::uint64_t kBytesOfAPixel = 2 * kChannels + 3;
    const std::uint64_t bytes = kBytesOfAPixel *
                                static_cast<std::uint64_t>(width_) *
                                static_cast<std::uint64_t>(height_);
    if (bytes > limits.memory_bytes) {
      throw ResourceExceededError(
          fmt::format("[video] a GIF of {}x{} pixels needs {} bytes, the limit "
                      "is {}",
                      width_, height_, bytes, limits.memory_bytes),
          "make the pictures smaller");
    }
    std::int64_t hundredths = 0;
    std::int64_t pixels = 0;
    GifScanner scanner(gif_.bytes());
    for (auto frame = scanner.next(); frame; frame = scanner.next()) {
      if (++frames_ > kMostFrames) {
        throw ImageProcessingError(
            fmt::format("[video] a GIF of more than {} frames", kMostFrames));
      }
      const std::int64_t own = std::int64_t{frame->width} * frame->height;
      if (own > static_cast<std::int64_t>(limits.pixels)) {
        throw ResourceExceededError(
            fmt::format("[video] frame {} of a GIF has {} pixels, the limit is "
                        "{}",
                        frames_, own, limits.pixels),
            "make the pictures smaller");
      }
      pixels += own;
      if (pixels > kMostPixels) {
        throw ResourceExceededError(
            fmt::format("[video] the frames of a GIF have more than {} pixels",
                        kMostPixels),
            "make the pictures smaller, or leave some out");
      }
      // Browsers take shorter delays for a mistake.
      constexpr int kShortest = 2;
      constexpr int kUsual = 10;
      hundredths += frame->delay < kShortest ? kUsual : frame->delay;
    }
    if (frames_ == 0) fail_image(ImageFormat::kGif, "no frame");
    rate_ = rate ? *rate
                 : std::max(kLeastRate,
                            100.0 * frames_ / static_cast<double>(hundredths));
  }

  void read(
      std::span<const int> indices,
      const std::function<void(const ImageSource&)>& take) const override {
    Canvas canvas(width_, height_);
    GifScanner scanner(gif_.bytes());
    int drawn = 0;
    std::optional<GifFrame> shown;
    std::optional<Canvas> before;
    for (const int wanted : indices) {
      for (; drawn <= wanted; ++drawn) {
        if (shown && shown->disposal == GifDisposal::kClear) {
          canvas.clear(*shown);
        } else if (before) {
          canvas = *std::exchange(before, std::nullopt);
        }
        shown = scanner.next();
        if (!shown) fail_image(ImageFormat::kGif, "the frames end early");
        if (shown->disposal == GifDisposal::kRestore) before = canvas;
        canvas.draw(gif_.bytes(), *shown);
      }
      take(PixelSource(canvas.flattened()));
    }
  }

  void read_bytes(const std::function<void(std::span<const std::byte>)>& take)
      const override {
    take(gif_.bytes());
  }

 private:
  EncodedImage gif_;
};

}  // namespace

std::unique_ptr<MovingPicture> open_animation(EncodedImage gif,
                                              std::optional<double> rate,
                                              const ImageLimits& limits) {
  return std::make_unique<Animation>(std::move(gif), rate, limits);
}

}  // namespace abstractllm::io
