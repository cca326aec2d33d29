// Which frames of a moving picture Qwen's models see, in which size, and when
// they are.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "vision/processor.h"
#include "vision/settings.h"

namespace abstractllm::vision {

/// Multiples of `factor` near `size`, with min to max pixels. Halves are
/// rounded to even, as Python rounds.
Extent smart_resize(Extent size, int factor, std::int64_t min_pixels,
                    std::int64_t max_pixels);

/// video_preprocessor_config.json, or what stands for it. Immutable.
class QwenVideo {
 public:
  /// `newer`: Qwen3-VL's, whose sizes are those of all frames together.
  /// `patch`, `merge` and `temporal` are the tower's. Throws ModelLoadingError
  /// for a file that says otherwise, or what is not done.
  QwenVideo(const io::JsonConfig& json, bool newer, int patch, int merge,
            int temporal);

  /// The frames that are seen: all, or as many a second as the file says.
  std::vector<int> frames_of(const io::MovingPicture& video) const;

  /// The size of each of `frames` frames. `most`: pixels of them together.
  Extent size_of(Extent frame, int frames,
                 std::optional<std::int64_t> most) const;

  /// The middle of each stretch of `temporal` of `frames`, in seconds.
  std::vector<double> times_of(const std::vector<int>& frames,
                               double rate) const;

 private:
  void read_sampling(const io::JsonConfig& json);
  // Of one frame (of all frames together, if newer).
  std::int64_t most_pixels(int frames) const;
  int count_of(const io::MovingPicture& video) const;

  bool newer_;
  int factor_;
  int temporal_;
  std::int64_t min_pixels_;
  std::int64_t max_pixels_;
  double rate_ = 2;  // frames a second
  int min_frames_ = 4;
  int max_frames_ = 768;
  bool samples_ = true;   // false: all frames are seen
  int num_frames_ = 0;    // to sample, whatever the rate; 0: by the rate
  bool caps_ = false;     // cap_pixels_per_frame
  int video_tokens_ = 0;  // max_video_tokens
};

/// What a clip has a second where nobody says it.
inline constexpr double kUsualFrameRate = 24;

}  // namespace abstractllm::vision
