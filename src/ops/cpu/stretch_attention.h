// Attention within a stretch of tokens that all see one another, as encoders
// of images have it, over values rounded to bf16.
// SPDX-License-Identifier: Apache-2.0

//   attend_stretch(pool, kernels, scratch,
//                  {.heads = 16, .head_size = 80, .scale = 0.1118f,
//                   .tokens = 3996, .q = q, .k = k, .v = v, .out = out});
#pragma once

#include <cstdint>

#include "ops/cpu/aligned_buffer.h"
#include "ops/cpu/bf16_kernels.h"
#include "ops/cpu/rotary.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

/// The tokens of a stretch. All of q, k, v and out are
/// [tokens, heads, head_size], dense.
struct Stretch {
  int heads = 0;
  int head_size = 0;  ///< 1 to kMaxHeadSize
  float scale = 1.0f;
  std::int64_t tokens = 0;
  /// Tokens at the end that the others see, and that see the others alone;
  /// fewer than there are.
  std::int64_t padding = 0;
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  float* out = nullptr;
  HeadTransform turn;  ///< of queries and keys, on their way
};

/// Memory kept between calls. One call at a time.
struct StretchScratch {
  AlignedBuffer queries;
  AlignedBuffer keys;
  AlignedBuffer values;
};

/// Softmax(q . k * scale) . v for every token over all tokens. Queries, keys,
/// values and the weights of the softmax are rounded to bf16, sums are f32. For
/// inputs that are bf16 a result is off by at most 2^-8 of the largest value.
/// Scores exist for a few rows and positions at a time (online softmax,
/// arXiv:1805.02867). Runs on the pool; returns when done. Throws
/// MemoryExceededError.
void attend_stretch(ThreadPool& pool, const Bf16Kernels& kernels,
                    StretchScratch& scratch, const Stretch& stretch);

}  // namespace abstractllm::ops::cpu
