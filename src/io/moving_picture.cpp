// Frames of folders, of data: URLs and of GIFs.
// SPDX-License-Identifier: Apache-2.0
#include "io/moving_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "io/animation.h"

namespace abstractllm::io {
namespace {

namespace fs = std::filesystem;

// "; fps=N" of a media type, in which nothing else follows it.
std::optional<double> rate_of(std::string_view media_type) {
  constexpr std::string_view kName = "fps=";
  for (std::size_t at = media_type.find(';'); at != std::string_view::npos;
       at = media_type.find(';', at + 1)) {
    std::string_view field = media_type.substr(at + 1);
    field = field.substr(0, field.find(';'));
    field.remove_prefix(std::min(field.find_first_not_of(' '), field.size()));
    if (!field.starts_with(kName)) continue;
    field.remove_prefix(kName.size());
    double rate = 0;
    const auto [end, error] =
        std::from_chars(field.data(), field.data() + field.size(), rate);
    const bool is_number =
        error == std::errc() && end == field.data() + field.size();
    if (is_number && rate >= MovingPicture::kLeastRate &&
        rate <= MovingPicture::kMostRate) {
      return rate;
    }
    throw InvalidRequestError(fmt::format(
        "[video] the rate of '{}' is no number of frames a second from {} to "
        "{}",
        media_type, MovingPicture::kLeastRate, MovingPicture::kMostRate));
  }
  return std::nullopt;
}

// Runs of digits by their value, all else by its bytes.
bool comes_before(const std::string& a, const std::string& b) {
  const auto digit = [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  };
  const auto run = [&](const std::string& text, std::size_t& at) {
    const std::size_t zeros =
        std::min(text.find_first_not_of('0', at), text.size());
    std::size_t end = zeros;
    while (end < text.size() && digit(text[end])) ++end;
    at = end;
    return text.substr(zeros, end - zeros);
  };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const std::string left = run(a, i);
      const std::string right = run(b, j);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  const std::size_t left = a.size() - i;
  const std::size_t right = b.size() - j;
  return left != right ? left < right : a < b;
}

void check_count(std::size_t frames) {
  if (frames > 0 && frames <= MovingPicture::kMostFrames) return;
  throw ImageProcessingError(fmt::format("[video] {} frames, expected 1 to {}",
                                         frames, MovingPicture::kMostFrames));
}

// Files of one frame each.
class FrameFiles final : public MovingPicture {
 public:
  FrameFiles(std::vector<fs::path> paths, std::optional<double> rate,
             const ImageLimits& limits)
      : paths_(std::move(paths)), limits_(limits) {
    check_count(paths_.size());
    for (const fs::path& path : paths_) {
      const EncodedImage frame = EncodedImage::open(path, limits_);
      if (frames_++ == 0) {
        width_ = frame.width();
        height_ = frame.height();
      } else if (frame.width() != width_ || frame.height() != height_) {
        throw ImageProcessingError(
            fmt::format("[video] '{}' has {}x{} pixels, the first frame {}x{}",
                        path.filename().string(), frame.width(), frame.height(),
                        width_, height_),
            "Frames are of one size.");
      }
    }
    rate_ = rate;
    chosen_ = true;
  }

  void read(
      std::span<const int> indices,
      const std::function<void(const ImageSource&)>& take) const override {
    for (const int i : indices) {
      take(EncodedImage::open(paths_.at(static_cast<std::size_t>(i)), limits_));
    }
  }

  void read_bytes(const std::function<void(std::span<const std::byte>)>& take)
      const override {
    for (const fs::path& path : paths_) {
      take(EncodedImage::open(path, limits_).bytes());
    }
  }

 private:
  std::vector<fs::path> paths_;
  ImageLimits limits_;
};

// Images in memory.
class FrameList final : public MovingPicture {
 public:
  FrameList(std::vector<EncodedImage> frames, std::optional<double> rate)
      : images_(std::move(frames)) {
    check_count(images_.size());
    frames_ = static_cast<int>(images_.size());
    width_ = images_.front().width();
    height_ = images_.front().height();
    for (const EncodedImage& image : images_) {
      if (image.width() == width_ && image.height() == height_) continue;
      throw ImageProcessingError(
          fmt::format("[video] a frame has {}x{} pixels, the first one {}x{}",
                      image.width(), image.height(), width_, height_),
          "Frames are of one size.");
    }
    rate_ = rate;
    chosen_ = true;
  }

  void read(
      std::span<const int> indices,
      const std::function<void(const ImageSource&)>& take) const override {
    for (const int i : indices) take(images_.at(static_cast<std::size_t>(i)));
  }

  void read_bytes(const std::function<void(std::span<const std::byte>)>& take)
      const override {
    for (const EncodedImage& image : images_) take(image.bytes());
  }

 private:
  std::vector<EncodedImage> images_;
};

std::unique_ptr<MovingPicture> open_folder(const fs::path& folder,
                                           std::optional<double> rate,
                                           const ImageLimits& limits) {
  std::vector<fs::path> paths;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && !name.starts_with('.')) {
      paths.push_back(entry->path());
    }
  }
  if (error) {
    throw FileProcessingError("[video] " + folder.string() +
                              " cannot be read: " + error.message());
  }
  std::sort(paths.begin(), paths.end(),
            [](const fs::path& a, const fs::path& b) {
              return comes_before(a.filename().string(), b.filename().string());
            });
  return std::make_unique<FrameFiles>(std::move(paths), rate, limits);
}

std::vector<std::string> decoded_frames(std::string_view text) {
  std::vector<std::string> frames;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    auto bytes = base::base64_decode(text.substr(at, end - at));
    if (!bytes || bytes->empty()) {
      throw InvalidRequestError(
          fmt::format("[video] frame {} of a data: URL is not base64",
                      frames.size() + 1),
          "Expected is data:video/jpeg;base64,FRAME,FRAME,...");
    }
    frames.push_back(*std::move(bytes));
    at = end + 1;
  }
  return frames;
}

std::unique_ptr<MovingPicture> of_encoded(std::vector<std::string> frames,
                                          std::optional<double> rate,
                                          const ImageLimits& limits) {
  if (frames.size() == 1 && frames.front().starts_with("GIF8")) {
    return open_animation(EncodedImage::from_bytes(frames.front(), limits),
                          rate, limits);
  }
  std::vector<EncodedImage> images;
  images.reserve(frames.size());
  for (const std::string& frame : frames) {
    images.push_back(EncodedImage::from_bytes(frame, limits));
  }
  return std::make_unique<FrameList>(std::move(images), rate);
}

}  // namespace

bool is_video(const ImagePart& part) {
  return part.media_type.starts_with("video/") ||
         part.url.starts_with("data:video/");
}

std::unique_ptr<MovingPicture> MovingPicture::open(const ImagePart& part,
                                                   const ImageLimits& limits) {
  const std::optional<double> rate = rate_of(part.media_type);
  std::error_code error;
  if (!part.path.empty() && fs::is_directory(part.path, error)) {
    return open_folder(part.path, rate, limits);
  }
  if (!part.path.empty()) {
    EncodedImage image = EncodedImage::open(part.path, limits);
    if (image.format() == ImageFormat::kGif) {
      return open_animation(std::move(image), rate, limits);
    }
    return std::make_unique<FrameList>(std::vector{std::move(image)}, rate);
  }
  if (!part.bytes.empty()) return of_encoded({part.bytes}, rate, limits);
  constexpr std::string_view kMark = ";base64,";
  const std::size_t mark = part.url.find(kMark);
  if (!part.url.starts_with("data:") || mark == std::string::npos) {
    throw InvalidRequestError(
        "[video] a moving picture is given by its address only, and local "
        "models fetch nothing",
        "Give a GIF, a folder of frames, or data:video/jpeg;base64,FRAME,...");
  }
  const std::string_view url = part.url;
  return of_encoded(decoded_frames(url.substr(mark + kMark.size())),
                    rate ? rate : rate_of(url.substr(0, mark)), limits);
}

}  // namespace abstractllm::io
