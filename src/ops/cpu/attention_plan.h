// How the work of an attention call is cut: rows of queries and stretches of
// context.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ops/cpu/attention.h"

namespace abstractllm::ops::cpu {

/// Up to 8 rows of queries of one key-value head over a stretch of context. A
/// row is a token and one of the heads that share the key-value head.
///
/// Each page is attended to by itself, and the results of the pages are added
/// up from first to last, whether one thread goes through them or several do:
/// what a row gives depends neither on the threads nor on what else runs.
struct QueryBlock {
  const AttentionSequence* sequence;
  int kv_head;
  std::int64_t first_row;
  int rows;
  std::int64_t begin;  // positions
  std::int64_t end;
  std::int64_t partial;  // index of its first row of partial results, or -1;
                         // then it is one page
};

/// Where the query of a new token's head lies, and where its result goes.
inline const float* query_of(const AttentionShape& shape,
                             const AttentionSequence& sequence,
                             std::int64_t token, int head) {
  const std::int64_t width =
      static_cast<std::int64_t>(shape.heads) * shape.head_size;
  const std::int64_t stride =
      sequence.q_stride != 0 ? sequence.q_stride : width;
  return sequence.q + token * stride + head * shape.head_size;
}
inline float* output_of(const AttentionShape& shape,
                        const AttentionSequence& sequence, std::int64_t token,
                        int head) {
  const std::int64_t width =
      static_cast<std::int64_t>(shape.heads) * shape.head_size;
  const std::int64_t stride =
      sequence.out_stride != 0 ? sequence.out_stride : width;
  return sequence.out + token * stride + head * shape.head_size;
}

/// Positions [first_seen, end_seen) are those that a new token of a sequence
/// sees.
std::int64_t first_seen(const AttentionShape& shape,
                        const AttentionSequence& sequence, std::int64_t token);
std::int64_t end_seen(const AttentionShape& shape,
                      const AttentionSequence& sequence, std::int64_t token);

/// Where the page of `position` ends.
constexpr std::int64_t page_end(std::int64_t position) {
  return (position / kPagePositions + 1) * kPagePositions;
}

/// All blocks of a call; those that share rows follow one another.
struct AttentionPlan {
  std::vector<QueryBlock> blocks;
  std::vector<std::size_t> rows_begin;  // first block of each set of rows
  std::int64_t partial_rows = 0;
};

/// For `threads` threads. The plan points to `sequences`.
AttentionPlan plan_attention(const AttentionShape& shape,
                             std::span<const AttentionSequence> sequences,
                             int threads);

}  // namespace abstractllm::ops::cpu
