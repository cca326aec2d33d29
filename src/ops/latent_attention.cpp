// Latent attention, composed of stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include "ops/latent_attention.h"

#include "mlx/ops.h"
#include "ops/cpu_blocks.h"
#include "ops/residual.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

mx::array latent_attention_block_stock(const mx::array& input,
                                       const mx::array& residual,
                                       const LatentAttentionBlock& block,
                                       int layer, const Step& step) {
  const AttentionSpec& spec = block.spec;
  const int rotated = spec.rope.dims;
  const int plain = spec.head_dim - rotated;
  const mx::array x = enter_frame(input, block.frame);
  const int tokens = x.shape(0);
  const mx::array query =
      block.query_down
          ? linear(normalise(linear(x, *block.query_down), *block.query_norm),
                   block.query)
          : linear(x, block.query);
  const mx::array latent =
      normalise(linear(x, block.latent), block.latent_norm);
  const mx::array shared =
      mx::broadcast_to(mx::expand_dims(linear(x, block.rotated_key), 1),
                       {tokens, spec.heads, rotated});
  const mx::array own =
      mx::reshape(linear(latent, block.key), {tokens, spec.heads, plain});
  const mx::array key = mx::reshape(mx::concatenate({shared, own}, 2),
                                    {tokens, spec.heads * spec.head_dim});
  const mx::array attended =
      attend_step(spec, query, key, linear(latent, block.value), layer, step);
  return leave_frame(linear(attended, block.output), residual, block.frame);
}

mx::array latent_attention_block(const mx::array& input,
                                 const mx::array& residual,
                                 const LatentAttentionBlock& block, int layer,
                                 const Step& step) {
  if (block.query.packed() && runs_on_slabs(step, layer)) {
    return latent_attention_block_cpu(input, residual, block, layer, step);
  }
  return latent_attention_block_stock(input, residual, block, layer, step);
}

}  // namespace abstractllm::ops
