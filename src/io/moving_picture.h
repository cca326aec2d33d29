// Moving pictures: frames in order of time, from an animation or from files of
// one frame each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "io/image.h"

namespace abstractllm::io {

/// Whether a part is a moving picture: its media type begins with "video/".
bool is_video(const ImagePart& part);

/// Frames of one size. Immutable; thread-safe.
class MovingPicture {
 public:
  virtual ~MovingPicture() = default;

  /// A part whose is_video() holds: a GIF by path, bytes or data: URL; a folder
  /// with an image a frame, in the order of their names, numbers in them
  /// counted as such; or "data:video/jpeg;base64,FRAME,FRAME,...". Its media
  /// type may say "; fps=N". Throws what EncodedImage throws, and
  /// ImageProcessingError for frames of several sizes, for none, for more than
  /// kMostFrames, and for video formats, which are not decoded here.
  static std::unique_ptr<MovingPicture> open(const ImagePart& part,
                                             const ImageLimits& limits = {});

  static constexpr int kMostFrames = 20000;
  /// Frames a second; what is said otherwise is refused.
  static constexpr double kLeastRate = 0.01;
  static constexpr double kMostRate = 1000;

  int frames() const { return frames_; }
  int width() const { return width_; }
  int height() const { return height_; }
  /// Frames a second; nothing if nobody says it.
  std::optional<double> rate() const { return rate_; }
  /// The frames are those that somebody has chosen: none is to be left out.
  bool is_chosen() const { return chosen_; }

  /// Calls `take` with each of `indices`, which do not fall, in order.
  virtual void read(
      std::span<const int> indices,
      const std::function<void(const ImageSource&)>& take) const = 0;

  /// The encoded bytes, piece by piece.
  virtual void read_bytes(
      const std::function<void(std::span<const std::byte>)>& take) const = 0;

 protected:
  int frames_ = 0;
  int width_ = 0;
  int height_ = 0;
  std::optional<double> rate_;
  bool chosen_ = false;
};

}  // namespace abstractllm::io
