// What the CPU forms of recurrent layers share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "ops/recurrent.h"

namespace abstractllm::ops {

/// The new tokens of one sequence and its state in one layer.
struct StateRows {
  RecurrentState* state;
  std::int64_t first_row;
  std::int64_t rows;
};

/// Takes the states of `layer` out of `step` and counts the new tokens in them.
std::vector<StateRows> take_states(const Step& step, int layer);

inline float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

inline float silu(float x) { return x / (1.0f + std::exp(-x)); }

/// The stable form of log(1 + exp(x)).
inline float softplus(float x) {
  return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x)));
}

/// Runs a convolution over tokens, holding the window of past inputs in time
/// order in `state`, which outlives it. One thread at a time.
class Convolver {
 public:
  Convolver(const CausalConvolution& convolution, RecurrentState& state);

  /// x: (channels); out may be x.
  void next(const float* x, float* out);

 private:
  void add(const float* weight, const float* x);

  const CausalConvolution& convolution_;
  int channels_;
  std::vector<float>& window_;
  std::vector<float> sums_;
};

}  // namespace abstractllm::ops
