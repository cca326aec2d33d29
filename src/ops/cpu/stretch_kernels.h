// Small steps of attention within a stretch, dispatched by Highway.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/panel_layout.h"

namespace abstractllm::ops::cpu {

/// Rows of queries and positions that are worked on together: their scores and
/// sums and two panels of keys or values stay in the first two caches.
inline constexpr int kStretchRows = 32;
inline constexpr int kStretchPositions = 256;

/// Scores and sums are `[pair of panels][kStretchRows][32]`, as the kernels of
/// bf16 write them.
inline constexpr int kPairColumns = kGemmPanels * kPanelRows;
inline constexpr int kPairFloats = kStretchRows * kPairColumns;
static_assert(kPairColumns == kTileColumns);

/// `out[i] = x[i] * factor` as bf16, rounded to even; `count` is a multiple of
/// 16.
void store_rounded(const float* x, float factor, int count, std::uint16_t* out);

/// Two positions of values as pairs of bf16: `out[i % 16]` of panel i / 16,
/// panels `panel_words` apart. `count` is a multiple of 16.
void store_pairs(const float* even, const float* odd, int count,
                 std::int64_t panel_words, std::uint32_t* out);

/// Turns the scores of a row, [pair][kStretchRows][32] of `count` positions of
/// which it sees the first `seen`, into exp(score - largest) in bf16, laid out
/// as a row of a block of 8, [pair][8][32]; brings `largest` and `sum`, which
/// starts as 0, up to date. Returns the factor for what was summed up with the
/// earlier largest score. Overwrites scores behind `seen`.
float weigh_row(float* scores, int count, int seen, float& largest, float& sum,
                std::uint16_t* weights);

/// Multiplies a row of `pairs` pairs of panels of sums.
void scale_sums(float factor, int pairs, float* sums);

}  // namespace abstractllm::ops::cpu
