// Small steps of attention over a cache with products of bf16, dispatched by
// Highway.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/cpu/attention_kernels.h"
#include "ops/cpu/kv_slab.h"

namespace abstractllm::ops::cpu {

/// Lays vectors of 16 values, as pages of a cache hold them, out in pairs:
/// `out[16 * j + i]` has value i of vector 2 * j as bf16 in its low half and of
/// the next vector, or zero behind the last, in its high half. Of keys of int8
/// `scales` are those of the 16 lanes, bf16 [count / 32][kPagePositions], of
/// values those of the vectors, [count]; else null.
void round_key_pairs(KvType type, const std::byte* vectors, int count,
                     const std::uint16_t* scales, std::uint32_t* out);
void round_value_pairs(KvType type, const std::byte* vectors, int count,
                       const std::uint16_t* scales, std::uint32_t* out);

/// The scores of a row of queries with keys that lie one after the other.
struct ScoreRow {
  float* scores;  ///< [tile][32], tiles kPairFloats (stretch_kernels.h) apart
  int count;      ///< a multiple of 32
  int begin;      ///< [begin, end) are seen
  int end;
  float softcap;   ///< 0: none
  float slope;     ///< slope * (distance + index) is added
  float distance;  ///< of the first key behind the query
};

/// Writes exp(score - largest), 0 for what is not seen, as bf16 to
/// `[tile][32]`, tiles `tile_values` apart, and brings `state` up to date.
/// Returns the factor for what was summed up with the earlier largest score.
/// Overwrites the scores.
float weigh_scores(const ScoreRow& row, SoftmaxState& state,
                   std::uint16_t* weights, std::int64_t tile_values);

}  // namespace abstractllm::ops::cpu
