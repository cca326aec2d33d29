// Attention of image encoders: every token of a stretch sees all others of it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "mlx/array.h"
#include "ops/backend.h"
#include "ops/rope.h"

namespace abstractllm::ops {

struct EncoderAttentionSpec {
  int heads = 0;
  int head_dim = 0;  ///< at most 256
  float scale = 0;   ///< of the scores
  /// The layer's weights are bf16, so that queries, keys and values may be,
  /// too.
  bool bf16 = false;
};

/// How the tokens of an encoder hang together. Immutable.
struct EncoderLayout {
  /// Ends of the stretches of tokens that see one another, ascending; the last
  /// one is the number of tokens.
  std::vector<int> ends;
  /// (tokens, head_dim / 2): queries and keys turn by these; absent: they do
  /// not turn.
  std::optional<RopeAngles> angles = std::nullopt;
  /// Rows at the end of each stretch that stand for nothing: the others see
  /// them, and they see the others alone. Fewer than the stretch has.
  int padding = 0;
};

/// query, key, value: (tokens, heads * head_dim) -> the same shape.
mlx::core::array encoder_attention(const Backend& backend,
                                   const EncoderAttentionSpec& spec,
                                   const mlx::core::array& query,
                                   const mlx::core::array& key,
                                   const mlx::core::array& value,
                                   std::shared_ptr<const EncoderLayout> layout);

}  // namespace abstractllm::ops
