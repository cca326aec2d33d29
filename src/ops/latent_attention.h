// Multi-head latent attention, arXiv:2405.04434: keys and values of all heads
// come from one small vector a token.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "ops/blocks.h"

namespace abstractllm::ops {

/// DeepSeek 3.2's sparse attention: a query sees only the `kept` keys with the
/// largest sums, over the heads of a small attention of its own, of
/// weight * relu(query . key), and all of them where they are no more.
/// Immutable after load.
struct SparseIndexer {
  int heads = 0;
  int head_dim = 0;
  int kept = 0;
  RopeTable rope;  ///< of the first values of a head
  Linear query;    ///< (heads * head_dim, query_down's rank)
  Linear key;      ///< (head_dim, hidden), one for all heads
  Norm key_norm;   ///< (head_dim)
  Linear weights;  ///< (heads, hidden)
  int cache = 0;   ///< where the sequences' KvLayers have its keys
};

/// Weights of one layer. A head of queries and keys holds its rotated values
/// first (spec.rope.dims of them), then the plain ones. Immutable after load.
struct LatentAttentionBlock {
  ResidualFrame frame;
  /// kv_heads equals heads; value_dim is at most head_dim. The caches hold the
  /// keys and values of all heads.
  AttentionSpec spec;
  std::optional<Linear> query_down = std::nullopt;  ///< (rank, hidden)
  std::optional<Norm> query_norm = std::nullopt;    ///< (rank)
  Linear query;        ///< (heads * head_dim, rank or hidden)
  Linear latent;       ///< (latent, hidden)
  Norm latent_norm;    ///< (latent)
  Linear rotated_key;  ///< (rope.dims, hidden), shared by all heads
  Linear key;          ///< (heads * (head_dim - rope.dims), latent)
  Linear value;        ///< (heads * value_size, latent)
  Linear output;       ///< (hidden, heads * value_size)
  /// Goes with query_down.
  std::optional<SparseIndexer> indexer = std::nullopt;
};

/// As attention_block.
mlx::core::array latent_attention_block(const mlx::core::array& input,
                                        const mlx::core::array& residual,
                                        const LatentAttentionBlock& block,
                                        int layer, const Step& step);

/// latent_attention_block over stock MLX operations, on any backend.
mlx::core::array latent_attention_block_stock(const mlx::core::array& input,
                                              const mlx::core::array& residual,
                                              const LatentAttentionBlock& block,
                                              int layer, const Step& step);

/// latent_attention_block as one CPU kernel. `block` must outlive the
/// evaluation. REQUIRES: packed weights, caches that are slabs.
mlx::core::array latent_attention_block_cpu(const mlx::core::array& input,
                                            const mlx::core::array& residual,
                                            const LatentAttentionBlock& block,
                                            int layer, const Step& step);

}  // namespace abstractllm::ops
