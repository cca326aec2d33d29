// What each pixel of a resized line adds up, as Pillow computes it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace abstractllm::vision {

/// Pillow's filters by its numbers, which preprocessor_config.json's
/// "resample" holds: do not renumber.
enum class Filter {
  kNearest = 0,
  kLanczos = 1,
  kBilinear = 2,
  kBicubic = 3,
  kBox = 4,
  kHamming = 5,
};

/// What one axis of a resize adds up: output i is the sum of
/// weights[i * taps + k] * input[first[i] + k] over k < count[i], in fixed
/// point with kWeightBits behind the point. first and first + count never
/// decrease with i. (Pillow, src/libImaging/Resample.c.)
struct AxisWeights {
  static constexpr int kWeightBits = 22;

  int taps = 0;
  std::vector<int> first{};
  std::vector<int> count{};
  std::vector<std::int32_t> weights{};

  /// `input` and `output` in pixels, both at least 1; of the output only
  /// `length` pixels from `begin` on. Equal sizes give the input back,
  /// whatever the filter.
  static AxisWeights of(Filter filter, int input, int output, int begin,
                        int length);
};

}  // namespace abstractllm::vision
