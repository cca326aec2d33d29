// Attention of new tokens over keys and values of their sequences.
// SPDX-License-Identifier: Apache-2.0

//   attention(pool, scratch, {.heads = 9, .kv_heads = 3, .head_size = 64,
//                             .scale = 0.125f},
//             {{.kv = &first, .q = q, .out = o, .tokens = 1},
//              {.kv = &second, .q = q + 576, .out = o + 576, .tokens = 7}});
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

#include "ops/cpu/aligned_buffer.h"
#include "ops/cpu/kv_slab.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

struct AttentionShape {
  int heads = 0;
  int kv_heads = 0;   ///< divides heads; neighbouring heads share one
  int head_size = 0;  ///< 1 to kMaxHeadSize
  float scale = 1.0f;
  float softcap = 0.0f;     ///< scores become cap * tanh(score / cap); 0: off
  std::int64_t window = 0;  ///< positions a token sees, itself one; 0: all
  /// Windows are stretches that begin at multiples of `window` instead.
  bool chunked = false;
  /// Each token sees the new ones behind it, too, at most window - 1 of them.
  bool bidirectional = false;
  const float* sinks = nullptr;  ///< [heads] scores that draw weight, or null
  /// [heads] times (key's position - query's), added to scores; or null.
  const float* slopes = nullptr;
  /// scale * bf16(slope * key's position) instead; slopes are bf16 values.
  bool rounds_slopes = false;
  /// [heads, 2 * reach + 1], added by (key's position - query's), cut to
  /// [-reach, reach]; or null.
  const float* distance_scores = nullptr;
  std::int64_t reach = 0;
};

/// The new tokens of one sequence: the last `tokens` positions of `kv`.
struct AttentionSequence {
  const KvSlab* kv = nullptr;
  const float* q = nullptr;  ///< [tokens, heads, head_size], already rotated
  float* out = nullptr;      ///< likewise
  std::int64_t tokens = 0;
  std::int64_t q_stride = 0;  ///< floats between tokens; 0: dense
  std::int64_t out_stride = 0;
  /// Each token sees the ones before it and itself; if false, all new tokens
  /// see each other, too (images in prompts). Windows count as before.
  bool causal = true;
  /// [tokens] each, or null: positions [sees_from, sees_to) that a token sees
  /// beside those, whatever the window; it is one of them. Neither falls from
  /// token to token.
  const std::int32_t* sees_from = nullptr;
  const std::int32_t* sees_to = nullptr;
};

/// Memory for partial results, kept between calls. One call at a time.
struct AttentionScratch {
  AlignedBuffer partials;
};

/// Softmax(q . k * scale) . v for every new token, each sequence with its own
/// length. Runs on the pool over heads, tokens and, where those are few, over
/// stretches of the context.
void attention(ThreadPool& pool, AttentionScratch& scratch,
               const AttentionShape& shape,
               std::span<const AttentionSequence> sequences);
inline void attention(ThreadPool& pool, AttentionScratch& scratch,
                      const AttentionShape& shape,
                      std::initializer_list<AttentionSequence> sequences) {
  attention(pool, scratch, shape,
            std::span(sequences.begin(), sequences.size()));
}

}  // namespace abstractllm::ops::cpu
