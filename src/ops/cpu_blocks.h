// blocks.h's operations as one CPU kernel each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mlx/array.h"
#include "ops/blocks.h"

namespace abstractllm::ops {

/// Whether the caches of `layer` are slabs of our kernels.
bool runs_on_slabs(const Step& step, int layer);

/// As attention_block. `block` must outlive the evaluation.
/// REQUIRES: packed weights, runs_on_slabs(step, layer).
mlx::core::array attention_block_cpu(const mlx::core::array& input,
                                     const mlx::core::array& residual,
                                     const AttentionBlock& block, int layer,
                                     const Step& step);

/// As mlp_block. `block` must outlive the evaluation.
/// REQUIRES: packed weights.
mlx::core::array mlp_block_cpu(const mlx::core::array& input,
                               const mlx::core::array& residual,
                               const MlpBlock& block);

/// As normalise. REQUIRES: norm.cpu.
mlx::core::array normalise_cpu(const mlx::core::array& x, const Norm& norm);

}  // namespace abstractllm::ops
