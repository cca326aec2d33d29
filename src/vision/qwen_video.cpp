// Sampling in time and sizes of Qwen's moving pictures.
// SPDX-License-Identifier: Apache-2.0
#include "vision/qwen_video.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "abstractllm/error.h"

namespace abstractllm::vision {
namespace {

int multiple(double count, int factor) {
  return static_cast<int>(count) * factor;
}

// Numbers of pixels.
constexpr int kMostPixels = 1 << 30;

}  // namespace

Extent smart_resize(Extent size, int factor, std::int64_t min_pixels,
                    std::int64_t max_pixels) {
  const double width = size.width;
  const double height = size.height;
  Extent result{multiple(std::nearbyint(width / factor), factor),
                multiple(std::nearbyint(height / factor), factor)};
  if (result.pixels() > max_pixels) {
    const double beta =
        std::sqrt(width * height / static_cast<double>(max_pixels));
    result = {
        std::max(factor, multiple(std::floor(width / beta / factor), factor)),
        std::max(factor, multiple(std::floor(height / beta / factor), factor))};
  } else if (result.pixels() < min_pixels) {
    const double beta =
        std::sqrt(static_cast<double>(min_pixels) / (width * height));
    result = {multiple(std::ceil(width * beta / factor), factor),
              multiple(std::ceil(height * beta / factor), factor)};
  }
  return result;
}

namespace {

// What the tower has fixed cannot be otherwise for moving pictures.
void require_same(const io::JsonConfig& json, const char* key, int value) {
  const int said = int_setting(json, key, value, 1, kMaxSide);
  if (said == value) return;
  throw ModelLoadingError(
      fmt::format("[image processor] {}: '{}' is {}, the tower's is {}",
                  json.origin(), key, said, value));
}

}  // namespace

void QwenVideo::read_sampling(const io::JsonConfig& json) {
  samples_ = json.find_bool("do_sample_frames").value_or(true);
  num_frames_ = json.has("num_frames")
                    ? int_setting(json, "num_frames", 1, 1, kMaxSide)
                    : 0;
  rate_ = json.find_number("fps").value_or(rate_);
  min_frames_ = int_setting(json, "min_frames", min_frames_, 1, kMaxSide);
  max_frames_ = int_setting(json, "max_frames", max_frames_, 1, kMaxSide);
  caps_ = json.find_bool("cap_pixels_per_frame").value_or(false);
  video_tokens_ =
      int_setting(json, "max_video_tokens", newer_ ? 768 : 128000, 1, 1 << 24);
  if (!json.find_bool("do_resize").value_or(true)) {
    throw ModelLoadingError(
        fmt::format("[image processor] {}: frames that are not resized "
                    "(do_resize) are not read",
                    json.origin()));
  }
}

QwenVideo::QwenVideo(const io::JsonConfig& json, bool newer, int patch,
                     int merge, int temporal)
    : newer_(newer),
      factor_(patch * merge),
      temporal_(temporal),
      min_pixels_(128 * (newer ? 32 * 32 : 28 * 28)),
      max_pixels_(768 * (newer ? 32 * 32 : 28 * 28)) {
  if (const auto size = size_setting(json, "size", SingleNumber::kShortestEdge,
                                     kMostPixels)) {
    min_pixels_ = size->shortest_edge.value_or(static_cast<int>(min_pixels_));
    max_pixels_ = size->longest_edge.value_or(static_cast<int>(max_pixels_));
  }
  min_pixels_ = int_setting(json, "min_pixels", static_cast<int>(min_pixels_),
                            1, kMostPixels);
  max_pixels_ = int_setting(json, "max_pixels", static_cast<int>(max_pixels_),
                            1, kMostPixels);
  require_same(json, "patch_size", patch);
  require_same(json, "merge_size", merge);
  require_same(json, "temporal_patch_size", temporal);
  read_sampling(json);
  const bool is_rate = rate_ >= io::MovingPicture::kLeastRate &&
                       rate_ <= io::MovingPicture::kMostRate;
  if (!is_rate || min_frames_ > max_frames_ || min_pixels_ > max_pixels_) {
    throw ModelLoadingError(
        fmt::format("[image processor] {}: {} frames a second, {} to {} frames "
                    "of {} to {} pixels",
                    json.origin(), rate_, min_frames_, max_frames_, min_pixels_,
                    max_pixels_));
  }
}

std::vector<int> QwenVideo::frames_of(const io::MovingPicture& video) const {
  const int total = video.frames();
  std::vector<int> frames;
  if (video.is_chosen() || !samples_) {
    for (int i = 0; i < std::min(total, max_frames_); ++i) frames.push_back(i);
    if (total > max_frames_) {
      throw ImageProcessingError(
          fmt::format("[video] {} frames, the model takes up to {}", total,
                      max_frames_),
          "Leave some out.");
    }
    return frames;
  }
  const int count = count_of(video);
  if (newer_) {
    const double step =
        count > 1 ? static_cast<double>(total - 1) / (count - 1) : 0;
    for (int i = 0; i < count; ++i) {
      frames.push_back(static_cast<int>(std::nearbyint(i * step)));
    }
    return frames;
  }
  for (int i = 0; i < count; ++i) {
    frames.push_back(static_cast<int>(static_cast<double>(total) / count * i));
  }
  return frames;
}

int QwenVideo::count_of(const io::MovingPicture& video) const {
  const int total = video.frames();
  const double wanted =
      num_frames_ > 0
          ? num_frames_
          : std::min(total / video.rate().value_or(kUsualFrameRate) * rate_,
                     1.0 * total);
  if (newer_) {
    return std::min(
        {std::max(static_cast<int>(wanted), min_frames_), max_frames_, total});
  }
  const auto whole = [this](double count) {
    return static_cast<int>(std::floor(count / temporal_)) * temporal_;
  };
  const int most = whole(std::min(max_frames_, total));
  return std::max(
      1, whole(std::min(std::max(wanted, 1.0 * min_frames_), 1.0 * most)));
}

std::int64_t QwenVideo::most_pixels(int frames) const {
  if (!caps_) return max_pixels_;
  const auto least =
      static_cast<std::int64_t>(static_cast<double>(min_pixels_) * 1.05);
  const std::int64_t square = std::int64_t{factor_} * factor_;
  if (newer_) {
    return frames *
           std::max(std::min(video_tokens_ * square, max_pixels_ / frames),
                    least);
  }
  const auto total = static_cast<std::int64_t>(
      0.9 * static_cast<double>(video_tokens_) * static_cast<double>(square));
  return std::max(std::min(max_pixels_, total * temporal_ / frames), least);
}

Extent QwenVideo::size_of(Extent frame, int frames,
                          std::optional<std::int64_t> most) const {
  const std::int64_t least = std::int64_t{factor_} * factor_;
  // What a budget asks for is the share of a frame.
  std::int64_t share = std::numeric_limits<std::int64_t>::max();
  if (most) {
    require_budget({.max_pixels = most}, least * frames, "qwen2_vl");
    share = *most / frames;
  }
  Extent size;
  const std::int64_t max_pixels = most_pixels(frames);
  if (newer_) {
    Extent grown = frame;
    if (frame.width < factor_ || frame.height < factor_) {
      const double scale = std::max(static_cast<double>(factor_) / frame.height,
                                    static_cast<double>(factor_) / frame.width);
      grown = {static_cast<int>(frame.width * scale),
               static_cast<int>(frame.height * scale)};
    }
    // The published rule is that of one image, over the frames' pixels: as many
    // as are seen for what results, as many as there are for what is.
    const double seen =
        std::nearbyint(static_cast<double>(frames) / temporal_) * temporal_;
    const double own = static_cast<double>(grown.pixels()) * frames;
    size = {multiple(std::nearbyint(1.0 * grown.width / factor_), factor_),
            multiple(std::nearbyint(1.0 * grown.height / factor_), factor_)};
    const double result = seen * static_cast<double>(size.pixels());
    const auto scaled = [&](double beta, auto rounded) {
      size = {multiple(rounded(grown.width * beta / factor_), factor_),
              multiple(rounded(grown.height * beta / factor_), factor_)};
    };
    if (result > static_cast<double>(max_pixels)) {
      scaled(std::sqrt(static_cast<double>(max_pixels) / own),
             [](double x) { return std::max(1.0, std::floor(x)); });
    } else if (result < static_cast<double>(min_pixels_)) {
      scaled(std::sqrt(static_cast<double>(min_pixels_) / own),
             [](double x) { return std::ceil(x); });
    }
  } else {
    const std::int64_t high = std::min(max_pixels, share);
    size = smart_resize(frame, factor_, std::min(min_pixels_, high), high);
  }
  if (size.pixels() > share) size = smart_resize(frame, factor_, least, share);
  while (size.pixels() > share) {
    (size.width >= size.height ? size.width : size.height) -= factor_;
  }
  return size;
}

std::vector<double> QwenVideo::times_of(const std::vector<int>& frames,
                                        double rate) const {
  const auto time = [&](std::size_t i) {
    return frames[std::min(i, frames.size() - 1)] / rate;
  };
  const auto step = static_cast<std::size_t>(temporal_);
  std::vector<double> times;
  for (std::size_t i = 0; i < frames.size(); i += step) {
    times.push_back((time(i) + time(i + step - 1)) / 2);
  }
  return times;
}

}  // namespace abstractllm::vision
