// Finds the implementation of a block by its operands.
// SPDX-License-Identifier: Apache-2.0
#include "ops/blocks.h"

#include "ops/cpu_blocks.h"
#include "ops/residual.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

mx::array attention_block(const mx::array& input, const mx::array& residual,
                          const AttentionBlock& block, int layer,
                          const Step& step) {
  if (block.query.packed() && runs_on_slabs(step, layer)) {
    return attention_block_cpu(input, residual, block, layer, step);
  }
  return attention_block_stock(input, residual, block, layer, step);
}

mx::array mlp_block(const mx::array& input, const mx::array& residual,
                    const MlpBlock& block) {
  if (block.up.packed()) return mlp_block_cpu(input, residual, block);
  return mlp_block_stock(input, residual, block);
}

}  // namespace abstractllm::ops
