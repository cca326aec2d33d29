// Latent attention, composed of stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include "ops/latent_attention.h"

#include <cmath>
#include <vector>

#include "mlx/ops.h"
#include "ops/cpu_blocks.h"
#include "ops/residual.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// x: (rows, heads * head_dim) -> (heads, rows, head_dim), turned.
mx::array index_heads(const mx::array& x, const SparseIndexer& indexer,
                      int heads, int position) {
  return rotate(
      mx::transpose(mx::reshape(x, {x.shape(0), heads, indexer.head_dim}),
                    {1, 0, 2}),
      indexer.rope, position);
}

// scores: (rows, stored), -infinity where a row may not look -> whether a key
// is among the `kept` largest of its row.
mx::array largest_of(const mx::array& scores, int kept) {
  const int stored = scores.shape(1);
  const mx::array order = mx::argpartition(scores, stored - kept, 1);
  const mx::array best =
      mx::slice(order, {0, stored - kept}, {scores.shape(0), stored});
  return mx::put_along_axis(mx::full(scores.shape(), false, mx::bool_), best,
                            mx::array(true), 1);
}

// Rows [first, first + rows) of the step. The new keys go into `kv`.
std::optional<mx::array> choose_keys(const SparseIndexer& indexer,
                                     const mx::array& query,
                                     const mx::array& key,
                                     const mx::array& weights, KvLayer& kv) {
  const int position = kv.length();
  const mx::array keys = index_heads(key, indexer, 1, position);
  const int rows = key.shape(0);
  const KvView view = kv.append(keys, mx::zeros({1, rows, 1}, keys.dtype()));
  const int stored = view.keys.shape(1);
  if (stored <= indexer.kept) return std::nullopt;
  const mx::array scores = mx::maximum(
      mx::matmul(index_heads(query, indexer, indexer.heads, position),
                 mx::swapaxes(view.keys, 1, 2)),
      mx::array(0.0f, keys.dtype()));  // (heads, rows, stored)
  const mx::array shares = mx::expand_dims(mx::transpose(weights), 2);
  const mx::array sums = mx::astype(mx::sum(scores * shares, 0), mx::float32);
  const mx::array at =
      mx::expand_dims(mx::arange(position, position + rows, mx::int32), 1);
  const mx::array seen =
      mx::less_equal(mx::expand_dims(mx::arange(0, stored, mx::int32), 0), at);
  return largest_of(mx::where(seen, sums, mx::array(-INFINITY)), indexer.kept);
}

// One a sequence of the step. x, query_latent: (tokens, ...).
std::vector<std::optional<mx::array>> choose_all_keys(
    const SparseIndexer& indexer, const mx::array& x,
    const mx::array& query_latent, const Step& step) {
  const mx::array query = linear(query_latent, indexer.query);
  const mx::array key = normalise(linear(x, indexer.key), indexer.key_norm);
  const mx::array weights = linear(x, indexer.weights);
  std::vector<std::optional<mx::array>> chosen;
  for (const SequenceRows& sequence : step.sequences) {
    const auto rows = [&](const mx::array& all) {
      return mx::slice(all, {sequence.first_row, 0},
                       {sequence.first_row + sequence.rows, all.shape(1)});
    };
    chosen.push_back(
        choose_keys(indexer, rows(query), rows(key), rows(weights),
                    *(*sequence.kv)[static_cast<std::size_t>(indexer.cache)]));
  }
  return chosen;
}

}  // namespace

mx::array latent_attention_block_stock(const mx::array& input,
                                       const mx::array& residual,
                                       const LatentAttentionBlock& block,
                                       int layer, const Step& step) {
  const AttentionSpec& spec = block.spec;
  const int rotated = spec.rope.dims;
  const int plain = spec.head_dim - rotated;
  const mx::array x = enter_frame(input, block.frame);
  const int tokens = x.shape(0);
  const mx::array query_latent =
      block.query_down
          ? normalise(linear(x, *block.query_down), *block.query_norm)
          : x;
  const mx::array query = linear(query_latent, block.query);
  const mx::array latent =
      normalise(linear(x, block.latent), block.latent_norm);
  const mx::array shared =
      mx::broadcast_to(mx::expand_dims(linear(x, block.rotated_key), 1),
                       {tokens, spec.heads, rotated});
  const mx::array own =
      mx::reshape(linear(latent, block.key), {tokens, spec.heads, plain});
  const mx::array key = mx::reshape(mx::concatenate({shared, own}, 2),
                                    {tokens, spec.heads * spec.head_dim});
  std::vector<std::optional<mx::array>> chosen;
  if (block.indexer) {
    chosen = choose_all_keys(*block.indexer, x, query_latent, step);
  }
  const mx::array attended = attend_step(
      spec, query, key, linear(latent, block.value), layer, step, chosen);
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
