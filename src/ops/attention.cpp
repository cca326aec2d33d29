// The attention half of a layer, composed of stock MLX operations.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "mlx/fast.h"
#include "mlx/ops.h"
#include "ops/blocks.h"
#include "ops/residual.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

// (rows, heads * head_dim) -> (heads, rows, head_dim)
mx::array split_heads(const mx::array& x, int heads, int head_dim) {
  return mx::transpose(mx::reshape(x, {x.shape(0), heads, head_dim}),
                       {1, 0, 2});
}

// True where query row i, at position first_query + i, may look at key column
// j, at position first_key + j: (queries, keys) bool.
mx::array window_mask(int first_query, int queries, int first_key, int keys,
                      int window) {
  const mx::array query = mx::expand_dims(
      mx::arange(first_query, first_query + queries, mx::int32), 1);
  const mx::array key =
      mx::expand_dims(mx::arange(first_key, first_key + keys, mx::int32), 0);
  mx::array mask = mx::less_equal(key, query);
  if (window > 0) {
    mask = mx::logical_and(mask, mx::less(query - key, mx::array(window)));
  }
  return mask;
}

bool needs_mask(const AttentionSpec& spec, int queries, const KvView& view,
                int first_query) {
  if (queries > 1) return true;
  return spec.window > 0 && first_query - view.first_position >= spec.window;
}

// Scores with a soft cap have no fused form.
mx::array capped_attention(const mx::array& queries, const KvView& view,
                           const AttentionSpec& spec, int first_query) {
  const int groups = spec.heads / spec.kv_heads;
  const int rows = queries.shape(1);
  const int stored = view.keys.shape(1);
  const mx::array grouped =
      mx::reshape(queries, {spec.kv_heads, groups * rows, spec.head_dim});
  mx::array scores =
      mx::matmul(grouped * mx::array(spec.scale, queries.dtype()),
                 mx::swapaxes(view.keys, 1, 2));
  const mx::array cap(spec.softcap, scores.dtype());
  scores = mx::tanh(scores / cap) * cap;
  scores = mx::reshape(scores, {spec.kv_heads, groups, rows, stored});
  const mx::array mask =
      window_mask(first_query, rows, view.first_position, stored, spec.window);
  scores = mx::where(mask, scores, mx::array(-INFINITY, scores.dtype()));
  const mx::array weights =
      mx::reshape(mx::softmax(scores, -1, /* precise = */ true),
                  {spec.kv_heads, groups * rows, stored});
  return mx::reshape(mx::matmul(weights, view.values),
                     {spec.heads, rows, spec.value_size()});
}

std::optional<mx::array> sinks_like(const mx::array& x,
                                    const AttentionSpec& spec) {
  if (!spec.sinks) return std::nullopt;
  return mx::astype(*spec.sinks, x.dtype());
}

// queries: (heads, rows, head_dim) -> (heads, rows, value_size).
mx::array attend(const mx::array& queries, const KvView& view,
                 const AttentionSpec& spec, int first_query) {
  if (spec.softcap > 0) {
    return capped_attention(queries, view, spec, first_query);
  }
  const int rows = queries.shape(1);
  const int stored = view.keys.shape(1);
  std::string mode;
  std::optional<mx::array> mask;
  if (needs_mask(spec, rows, view, first_query)) {
    const bool window_hides =
        spec.window > 0 &&
        first_query + rows - 1 - view.first_position >= spec.window;
    if (window_hides) {
      mode = "array";
      mask = window_mask(first_query, rows, view.first_position, stored,
                         spec.window);
    } else {
      mode = "causal";
    }
  }
  return mx::squeeze(
      mx::fast::scaled_dot_product_attention(
          mx::expand_dims(queries, 0), mx::expand_dims(view.keys, 0),
          mx::expand_dims(view.values, 0), spec.scale, mode, mask,
          sinks_like(queries, spec)),
      0);
}

mx::array slice_rows(const mx::array& x, int first, int rows) {
  if (first == 0 && rows == x.shape(0)) return x;
  return mx::slice(x, {first, 0}, {first + rows, x.shape(1)});
}

}  // namespace

mx::array attend_step(const AttentionSpec& spec, const mx::array& query,
                      const mx::array& key, const mx::array& value, int layer,
                      const Step& step) {
  const int value_size = spec.value_size();
  std::vector<mx::array> outputs;
  outputs.reserve(step.sequences.size());
  for (const SequenceRows& sequence : step.sequences) {
    const int first = sequence.first_row;
    const int rows = sequence.rows;
    KvLayer& kv = *(*sequence.kv)[layer];
    const int position = kv.length();
    const RopeTable& rope = rope_for(
        spec.rope, sequence.planned > 0 ? sequence.planned : position + rows);
    const mx::array q =
        split_heads(slice_rows(query, first, rows), spec.heads, spec.head_dim);
    const mx::array k =
        split_heads(slice_rows(key, first, rows), spec.kv_heads, spec.head_dim);
    const mx::array v =
        split_heads(slice_rows(value, first, rows), spec.kv_heads, value_size);
    const KvView view = kv.append(rotate(k, rope, position), v);
    const mx::array attended =
        attend(rotate(q, rope, position), view, spec, position);
    outputs.push_back(mx::reshape(mx::transpose(attended, {1, 0, 2}),
                                  {rows, spec.heads * value_size}));
  }
  return outputs.size() == 1 ? outputs[0] : mx::concatenate(outputs, 0);
}

mx::array normalise_heads(const mx::array& x, const Norm& norm) {
  const int size = static_cast<int>(norm.weight.size());
  const mx::array heads = mx::reshape(x, {x.shape(0), x.shape(1) / size, size});
  return mx::reshape(normalise(heads, norm), x.shape());
}

mx::array attention_block_stock(const mx::array& input,
                                const mx::array& residual,
                                const AttentionBlock& block, int layer,
                                const Step& step) {
  const mx::array x = enter_frame(input, block.frame);
  mx::array query = linear(x, block.query);
  mx::array key = linear(x, block.key);
  const mx::array value = linear(x, block.value);
  if (block.query_norm) query = normalise_heads(query, *block.query_norm);
  if (block.key_norm) key = normalise_heads(key, *block.key_norm);
  mx::array attended = attend_step(block.spec, query, key, value, layer, step);
  if (block.gate) attended = attended * mx::sigmoid(linear(x, *block.gate));
  return leave_frame(linear(attended, block.output), residual, block.frame);
}

}  // namespace abstractllm::ops
