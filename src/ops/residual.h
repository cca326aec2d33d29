// The stock implementations behind blocks.h and what they share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "mlx/array.h"
#include "ops/blocks.h"

namespace abstractllm::ops {

/// before(input).
mlx::core::array enter_frame(const mlx::core::array& input,
                             const ResidualFrame& frame);

/// residual + scale * after(x).
mlx::core::array leave_frame(const mlx::core::array& x,
                             const mlx::core::array& residual,
                             const ResidualFrame& frame);

/// query (tokens, heads * head_dim), key and value of kv_heads, not yet rotated
/// -> (tokens, heads * value_size). Keys and values go into the caches; without
/// them, those of the step are there already. `chosen`: one a sequence, the
/// keys among the visible ones that its rows see, (rows, stored) bool; nothing
/// for all of them.
mlx::core::array attend_step(
    const AttentionSpec& spec, const mlx::core::array& query,
    const std::optional<mlx::core::array>& key,
    const std::optional<mlx::core::array>& value, int layer, const Step& step,
    std::span<const std::optional<mlx::core::array>> chosen = {});

/// x: (tokens, n * size of the norm) -> same shape.
mlx::core::array normalise_heads(const mlx::core::array& x, const Norm& norm);

/// blocks.h's functions over stock MLX operations, on any backend.
mlx::core::array attention_block_stock(const mlx::core::array& input,
                                       const mlx::core::array& residual,
                                       const AttentionBlock& block, int layer,
                                       const Step& step);
mlx::core::array mlp_block_stock(const mlx::core::array& input,
                                 const mlx::core::array& residual,
                                 const MlpBlock& block);

}  // namespace abstractllm::ops
