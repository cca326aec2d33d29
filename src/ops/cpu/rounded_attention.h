// Attention of prompts over keys and values of their sequences, with products
// of bf16.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "ops/cpu/attention.h"
#include "ops/cpu/bf16_kernels.h"

namespace abstractllm::ops::cpu {

/// Memory of each thread, kept between calls. One call at a time.
struct RoundedAttentionScratch {
  AlignedBuffer buffers;
};

/// What attention() computes, from queries, keys, values and weights of the
/// softmax rounded to bf16; sums are f32. A result is off by about 2^-8 of the
/// largest value. Worth its while where rows are many, since keys and values
/// are laid out anew for every few hundred of them. Rows give the same bits
/// whatever stands beside them and however many threads there are. Runs on the
/// pool over heads and rows; returns when done. Throws MemoryExceededError.
void rounded_attention(ThreadPool& pool, const Bf16Kernels& kernels,
                       RoundedAttentionScratch& scratch,
                       const AttentionShape& shape,
                       std::span<const AttentionSequence> sequences);

}  // namespace abstractllm::ops::cpu
