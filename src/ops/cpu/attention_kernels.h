// Small steps of attention, dispatched by Highway.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/cpu/kv_slab.h"

namespace abstractllm::ops::cpu {

/// Rows of queries that are worked on together, and floats between rows of
/// everything they own.
inline constexpr int kQueryRows = 8;
inline constexpr int kQueryStride = 512;
static_assert(kQueryStride >= kMaxHeadSize && kQueryStride >= kPagePositions);

/// Panels of 16 columns as pages hold them, one every `bytes`.
struct KvPanelRun {
  KvType type;
  const std::byte* first;
  std::int64_t bytes;
  int count;
  int columns;  ///< of keys dimensions, of values positions
  /// bf16 [columns / 32][kPagePositions], of [16 * panel + i]; or null.
  const std::uint16_t* scales = nullptr;
};

/// `out[row][16 * p + i] (+)= sum over columns of
///      x[row][column] * panel p[column][i]`, times the scales of each 32,
/// for `height` (1 to 8) rows of x and out, kQueryStride floats apart. The sum
/// of a row is formed in the same order for any height and count of panels.
/// With scales nothing is added to: REQUIRES: int8 and not `add`.
void multiply_kv_panels(const KvPanelRun& panels, int height, const float* x,
                        bool add, float* out);

/// What is left of a softmax after some of its scores.
struct SoftmaxState {
  float largest;  ///< of the scores so far
  float sum;      ///< of exp(score - largest)
};

/// Turns scores [0, count) of a row into exp(score - largest), those outside
/// [begin, end) into 0, and brings `state` up to date. Returns the factor for
/// what was summed up with the earlier largest score. `softcap` 0: none. A
/// score that is NaN and seen gives NaN, and so does then the sum.
float softmax_scores(float* scores, int count, int begin, int end,
                     float softcap, SoftmaxState& state);

/// out[i] = x[i] * factors[i] (bf16); `count` is a multiple of 16.
void multiply_values(const std::uint16_t* factors, const float* x, int count,
                     float* out);

/// x *= factor
void scale_values(float* x, int count, float factor);

/// y = y * factor_y + x * factor_x
void blend_values(const float* x, float factor_x, int count, float factor_y,
                  float* y);

}  // namespace abstractllm::ops::cpu
