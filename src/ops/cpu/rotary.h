// Rotary position embedding, and the norm that some models apply before it.
// SPDX-License-Identifier: Apache-2.0

//   RotaryTable rope(inv_freq, 1.0f);
//   const auto rows = rope.rows(first_position, tokens);
//   transform_heads(pool, q, tokens, heads, head_size, 0, {.rope = rows});
#pragma once

#include <cstdint>
#include <vector>

#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

enum class RopePairs : std::uint8_t {
  kHalves,      ///< dimension i turns with i + dims / 2 (NeoX, Hugging Face)
  kNeighbours,  ///< dimension 2 i turns with 2 i + 1 (GPT-J)
};

/// Cosines and sines, a row for each token.
struct RopeRows {
  const float* cos = nullptr;  ///< [tokens, dims / 2]; null: no rotation
  const float* sin = nullptr;
  int dims = 0;  ///< leading dimensions of a head that turn; even
  RopePairs pairs = RopePairs::kHalves;
};

/// What happens to each head of queries or keys: norm, then rotation.
struct HeadTransform {
  const float* norm = nullptr;  ///< RMS norm weight [head_size], or null
  float norm_eps = 1e-6f;
  bool norm_plus_one = false;  ///< weights are stored less one (Gemma)
  RopeRows rope;
};

/// Applies `transform` in place to `x` [tokens, heads, head_size], tokens
/// `stride` floats apart (0: dense).
void transform_heads(ThreadPool& pool, float* x, std::int64_t tokens, int heads,
                     int head_size, std::int64_t stride,
                     const HeadTransform& transform);

/// The same for one head, from `x` to `out`; they may be equal. `token` is the
/// row of the rotation.
void transform_head(const float* x, int head_size, std::int64_t token,
                    const HeadTransform& transform, float* out);

/// Cosines and sines of positions times frequencies, computed when first asked
/// for. One thread at a time.
class RotaryTable {
 public:
  /// `inverse_frequencies`: dims / 2 of them. `scale` multiplies cosines and
  /// sines (YaRN's attention factor).
  explicit RotaryTable(std::vector<float> inverse_frequencies,
                       float scale = 1.0f,
                       RopePairs pairs = RopePairs::kHalves);

  /// Rows of positions first to first + tokens - 1. Valid until the next call.
  RopeRows rows(std::int64_t first, std::int64_t tokens);

 private:
  std::vector<float> inverse_frequencies_;
  float scale_;
  RopePairs pairs_;
  std::vector<float> cos_;
  std::vector<float> sin_;
};

}  // namespace abstractllm::ops::cpu
