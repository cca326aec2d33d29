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
// j, at the position of the view's first key + j: (queries, keys) bool.
mx::array visible_mask(const AttentionSpec& spec, int first_query, int queries,
                       const KvView& view) {
  const mx::array query = mx::expand_dims(
      mx::arange(first_query, first_query + queries, mx::int32), 1);
  const int first_key = view.first_position;
  const mx::array key = mx::expand_dims(
      mx::arange(first_key, first_key + view.keys.shape(1), mx::int32), 0);
  const mx::array window(spec.window);
  if (spec.bidirectional) {
    return spec.window > 0
               ? mx::less(mx::abs(query - key), window)
               : mx::full({queries, view.keys.shape(1)}, true, mx::bool_);
  }
  const mx::array mask = mx::less_equal(key, query);
  if (spec.window == 0) return mask;
  return mx::logical_and(
      mask, spec.chunked
                ? mx::greater_equal(key, query - mx::remainder(query, window))
                : mx::less(query - key, window));
}

// Whether the last of the queries must not see all of the view.
bool window_hides(const AttentionSpec& spec, int queries, const KvView& view,
                  int first_query) {
  if (spec.bidirectional) return spec.window > 0;
  return view.first_position < spec.first_visible(first_query + queries - 1);
}

// What a placement shows beside that: (queries, keys) bool.
mx::array add_sight(const mx::array& mask, const RowPlacement& placement,
                    int first_key) {
  const auto column = [](const std::vector<std::int32_t>& values) {
    return mx::array(values.data(), {static_cast<int>(values.size()), 1},
                     mx::int32);
  };
  const mx::array key = mx::expand_dims(
      mx::arange(first_key, first_key + mask.shape(1), mx::int32), 0);
  return mx::logical_or(
      mask, mx::logical_and(mx::less_equal(column(placement.sees_from), key),
                            mx::less(key, column(placement.sees_to))));
}

// The new rows of a sequence, as attention looks at them.
struct Queries {
  mx::array rows;                   // (heads, rows, head_dim)
  int first;                        // position of the first one
  const RowPlacement* placement;    // null: text
  std::optional<mx::array> chosen;  // (rows, stored); nothing: all visible

  bool see_ahead() const {
    return placement != nullptr && !placement->sees_to.empty();
  }
  mx::array mask(const AttentionSpec& spec, const KvView& view) const {
    mx::array plain = visible_mask(spec, first, rows.shape(1), view);
    if (chosen) plain = mx::logical_and(plain, *chosen);
    return see_ahead() ? add_sight(plain, *placement, view.first_position)
                       : plain;
  }
};

// Scores with a soft cap have no fused form.
mx::array capped_attention(const Queries& new_rows, const KvView& view,
                           const AttentionSpec& spec) {
  const mx::array& queries = new_rows.rows;
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
  const mx::array mask = new_rows.mask(spec, view);
  scores = mx::where(mask, scores, mx::array(-INFINITY, scores.dtype()));
  const mx::array weights =
      mx::reshape(mx::softmax(scores, -1, /* precise = */ true),
                  {spec.kv_heads, groups * rows, stored});
  return mx::reshape(mx::matmul(weights, view.values),
                     {spec.heads, rows, spec.value_size()});
}

// What a score changes by for where its key and its query stand:
// (1, heads, rows or 1, stored).
mx::array placement_scores(const Queries& new_rows, const KvView& view,
                           const AttentionSpec& spec) {
  const int first_key = view.first_position;
  const mx::array query = mx::expand_dims(
      mx::arange(new_rows.first, new_rows.first + new_rows.rows.shape(1),
                 mx::float32),
      1);
  const mx::array key = mx::expand_dims(
      mx::arange(first_key, first_key + view.keys.shape(1), mx::float32), 0);
  if (spec.distance_scores) {
    const mx::array reach(static_cast<float>(spec.reach()));
    const mx::array distance = mx::clip(key - query, -reach, reach);
    return mx::expand_dims(mx::take(*spec.distance_scores,
                                    mx::astype(distance + reach, mx::int32), 1),
                           0);
  }
  const mx::array slopes = mx::reshape(*spec.slopes, {1, spec.heads, 1, 1});
  if (!spec.rounds_slopes) {
    return slopes * mx::expand_dims(key - query, {0, 1});
  }
  const mx::array product =
      mx::astype(slopes, mx::bfloat16) *
      mx::expand_dims(mx::astype(key, mx::bfloat16), {0, 1});
  return mx::astype(product, mx::float32) * mx::array(spec.scale);
}

// placement_scores, minus infinity where a row may not look.
mx::array placed_mask(const Queries& new_rows, const KvView& view,
                      const AttentionSpec& spec) {
  return mx::astype(
      mx::where(new_rows.mask(spec, view),
                placement_scores(new_rows, view, spec), mx::array(-INFINITY)),
      new_rows.rows.dtype());
}

std::optional<mx::array> sinks_like(const mx::array& x,
                                    const AttentionSpec& spec) {
  if (!spec.sinks) return std::nullopt;
  return mx::astype(*spec.sinks, x.dtype());
}

// queries: (heads, rows, head_dim) -> (heads, rows, value_size).
mx::array attend(const Queries& new_rows, const KvView& view,
                 const AttentionSpec& spec) {
  if (spec.softcap > 0) return capped_attention(new_rows, view, spec);
  const mx::array& queries = new_rows.rows;
  const int first_query = new_rows.first;
  const int rows = queries.shape(1);
  std::string mode;
  std::optional<mx::array> mask;
  if (spec.slopes || spec.distance_scores) {
    mode = "array";
    mask = placed_mask(new_rows, view, spec);
  } else if (new_rows.see_ahead() || new_rows.chosen ||
             window_hides(spec, rows, view, first_query)) {
    mode = "array";
    mask = new_rows.mask(spec, view);
  } else if (rows > 1 && !spec.bidirectional) {
    mode = "causal";
  }
  return mx::squeeze(
      mx::fast::scaled_dot_product_attention(
          mx::expand_dims(queries, 0), mx::expand_dims(view.keys, 0),
          mx::expand_dims(view.values, 0), spec.scale, mode, mask,
          sinks_like(queries, spec)),
      0);
}

// queries: (heads, rows, head_dim), the first at `position`.
mx::array apply_temperature(const mx::array& queries, const AttentionSpec& spec,
                            int position) {
  if (spec.temperature == 0) return queries;
  std::vector<float> scales;
  for (int i = 0; i < queries.shape(1); ++i) {
    scales.push_back(spec.query_scale(position + i));
  }
  return queries *
         mx::astype(mx::expand_dims(make_floats(scales), 1), queries.dtype());
}

mx::array slice_rows(const mx::array& x, int first, int rows) {
  if (first == 0 && rows == x.shape(0)) return x;
  return mx::slice(x, {first, 0}, {first + rows, x.shape(1)});
}

}  // namespace

mx::array attend_step(const AttentionSpec& spec, const mx::array& query,
                      const std::optional<mx::array>& key,
                      const std::optional<mx::array>& value, int layer,
                      const Step& step,
                      std::span<const std::optional<mx::array>> chosen) {
  const int value_size = spec.value_size();
  std::vector<mx::array> outputs;
  outputs.reserve(step.sequences.size());
  for (const SequenceRows& sequence : step.sequences) {
    const int first = sequence.first_row;
    const int rows = sequence.rows;
    KvLayer& kv = *(*sequence.kv)[layer];
    const int position = key ? kv.length() : kv.length() - rows;
    RopeTable grown;
    const RopeTable& rope =
        rope_for(spec.rope, sequence.planned, position + rows, grown);
    const auto heads_of = [&](const mx::array& x, int heads, int size) {
      return split_heads(slice_rows(x, first, rows), heads, size);
    };
    const RowPlacement* placement = sequence.placement.get();
    std::optional<RopeAngles> angles;
    if (placement != nullptr && !placement->positions.empty()) {
      angles = rope_angles(rope, placement->positions);
    }
    const auto turn = [&](const mx::array& x, const std::optional<Norm>& norm) {
      const mx::array turned =
          angles ? rotate_by(x, *angles)
                 : rotate(x, rope, position + sequence.position_shift);
      return norm ? normalise(turned, *norm) : turned;
    };
    const mx::array q =
        apply_temperature(turn(heads_of(query, spec.heads, spec.head_dim),
                               spec.rotated_query_norm),
                          spec, position);
    const std::optional<mx::array> choice =
        chosen.empty() ? std::nullopt : chosen[outputs.size()];
    const KvView view =
        key ? kv.append(turn(heads_of(*key, spec.kv_heads, spec.head_dim),
                             spec.rotated_key_norm),
                        heads_of(*value, spec.kv_heads, value_size))
            : kv.view(rows);
    outputs.push_back(mx::reshape(
        mx::transpose(attend({q, position, placement, choice}, view, spec),
                      {1, 0, 2}),
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
  const auto projected = [&](const Linear& weight,
                             const std::optional<Norm>& norm) {
    mx::array y = linear(x, weight);
    if (norm) y = normalise_heads(y, *norm);
    if (block.clip == 0) return y;
    const mx::array most(block.clip, y.dtype());
    return mx::clip(y, mx::negative(most), most);
  };
  const mx::array query = projected(block.query, block.query_norm);
  std::optional<mx::array> key;
  std::optional<mx::array> value;
  if (!block.reuses_cache) {
    key = projected(block.key, block.key_norm);
    value = projected(block.value, block.value_norm);
  }
  mx::array attended = attend_step(block.spec, query, key, value, layer, step);
  if (block.gate) {
    mx::array gate = mx::sigmoid(linear(x, *block.gate));
    const int width = attended.shape(1) / gate.shape(1);  // 1: one a value
    if (width > 1) gate = mx::repeat(gate, width, 1);
    attended = attended * gate;
  }
  if (block.output_norm) attended = normalise(attended, *block.output_norm);
  return leave_frame(linear(attended, block.output), residual, block.frame);
}

}  // namespace abstractllm::ops
