// Changed products on stock MLX.
// SPDX-License-Identifier: Apache-2.0
#include "mlx/ops.h"
#include "ops/adapter.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

namespace {

mx::array rows_of(const mx::array& x, int first, int last) {
  mx::Shape start(x.ndim(), 0);
  mx::Shape stop = x.shape();
  start[0] = first;
  stop[0] = last;
  return mx::slice(x, start, stop);
}

const RowChanges* changes_of(const Backend& backend) {
  const auto& adaptation = backend.adaptation;
  return adaptation ? adaptation->next.get() : nullptr;
}

mx::array typed(const mx::array& values, const mx::array& like) {
  return mx::astype(values, like.dtype());
}

// What a change makes of y = x W^T + b.
mx::array changed(const mx::array& x, const mx::array& y, const Linear& weight,
                  const LinearChange& change) {
  mx::array sum = y;
  const bool without_bias = change.replacement || change.gain;
  if (change.replacement) {
    sum = linear(x, *change.replacement);
  } else if (without_bias && weight.bias()) {
    sum = y - *weight.bias();
  }
  if (change.down) sum = sum + linear(linear(x, *change.down), *change.up);
  if (change.gain) sum = sum * typed(*change.gain, y);
  if (without_bias && weight.bias()) sum = sum + *weight.bias();
  return change.bias ? sum + typed(*change.bias, y) : sum;
}

// Rows `ids` of a table, which are `rows`, changed.
mx::array changed_rows(const mx::array& ids, mx::array rows,
                       const LinearChange& change) {
  if (change.replacement) rows = embed(ids, *change.replacement);
  if (change.down) {
    rows = rows + linear(embed(ids, *change.up), *change.down);
  }
  if (change.gain) rows = rows * typed(*change.gain, rows);
  if (!change.row_gain) return rows;
  return rows *
         mx::expand_dims(typed(mx::take(*change.row_gain, ids), rows), -1);
}

// x: (rows, 1 or chosen, inputs), experts: (rows, chosen).
mx::array changed_experts(const mx::array& x, const mx::array& y,
                          const mx::array& experts,
                          const ExpertChange& change) {
  const auto times = [&](const mx::array& rows, const mx::array& stack) {
    return mx::gather_mm(rows, mx::swapaxes(stack, 1, 2), std::nullopt,
                         experts);
  };
  mx::array sum =
      y + mx::squeeze(
              times(times(mx::expand_dims(x, 2), change.down), change.up), 2);
  if (change.gain) sum = sum * mx::take(*change.gain, experts, 0);
  return change.bias ? sum + mx::take(*change.bias, experts, 0) : sum;
}

// `y` with the rows that `change_of` finds something for computed by `compute`.
template <typename ChangeOf, typename Compute>
mx::array replace_rows(const mx::array& y, const RowChanges& changes,
                       ChangeOf change_of, Compute compute) {
  std::vector<mx::array> parts;
  int done = 0;
  for (const RowChange& rows : changes) {
    const auto* change = change_of(*rows.adapter);
    if (change == nullptr) continue;
    const int end = rows.first + rows.count;
    if (rows.first > done) parts.push_back(rows_of(y, done, rows.first));
    parts.push_back(compute(rows.first, end, *change));
    done = end;
  }
  if (done == 0) return y;
  if (done < y.shape(0)) parts.push_back(rows_of(y, done, y.shape(0)));
  return parts.size() == 1 ? parts.front() : mx::concatenate(parts, 0);
}

}  // namespace

mx::array apply_changes(const mx::array& x, mx::array y, const Linear& weight) {
  const RowChanges* changes = changes_of(weight.backend());
  if (changes == nullptr) return y;
  return replace_rows(
      y, *changes, [&](const Adapter& adapter) { return adapter.of(weight); },
      [&](int first, int last, const LinearChange& change) {
        return changed(rows_of(x, first, last), rows_of(y, first, last), weight,
                       change);
      });
}

mx::array apply_changes(const mx::array& x, mx::array y,
                        const ExpertLinear& weight, const mx::array& experts) {
  const RowChanges* changes = changes_of(weight.backend());
  if (changes == nullptr) return y;
  return replace_rows(
      y, *changes, [&](const Adapter& adapter) { return adapter.of(weight); },
      [&](int first, int last, const ExpertChange& change) {
        return changed_experts(rows_of(x, first, last), rows_of(y, first, last),
                               rows_of(experts, first, last), change);
      });
}

mx::array apply_table_changes(const mx::array& ids, mx::array rows,
                              const Linear& table) {
  const RowChanges* changes = changes_of(table.backend());
  if (changes == nullptr) return rows;
  return replace_rows(
      rows, *changes,
      [&](const Adapter& adapter) { return adapter.of_table(table); },
      [&](int first, int last, const LinearChange& change) {
        return changed_rows(rows_of(ids, first, last),
                            rows_of(rows, first, last), change);
      });
}

}  // namespace abstractllm::ops
