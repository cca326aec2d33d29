// What attention needs of a cache: one sequence's keys and values in one layer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "mlx/array.h"

namespace abstractllm::ops {

namespace cpu {
class KvSlab;
}
struct CrossSpan;

/// Keys and values that a query may look at.
struct KvView {
  mlx::core::array keys;    ///< (kv_heads, stored, head_dim)
  mlx::core::array values;  ///< (kv_heads, stored, head_dim)
  int first_position;       ///< of the first stored key
};

/// What a recurrent layer keeps of a sequence, in the form of whichever
/// implementation runs; empty before the first token.
struct RecurrentState {
  /// Stock MLX: last inputs of a convolution, (kernel - 1, channels), and the
  /// memory of a state space, (heads, head_dim, state).
  std::optional<mlx::core::array> window;
  std::optional<mlx::core::array> memory;
  /// CPU kernels: the same.
  std::vector<float> cpu_window;
  std::vector<float> cpu_memory;
};

/// One thread at a time. Kinds are in cache/.
class KvLayer {
 public:
  virtual ~KvLayer() = default;

  /// Positions seen, which is the position of the next token.
  virtual int length() const = 0;

  /// Adds (kv_heads, tokens, head_dim) at positions length() .. and returns
  /// what the new tokens may look at, themselves included.
  virtual KvView append(const mlx::core::array& keys,
                        const mlx::core::array& values) = 0;

  /// What append() of the last `tokens` positions returned.
  virtual KvView view(int tokens) const = 0;

  /// True if the cache can go back to `length` positions.
  virtual bool can_truncate(int length) const = 0;
  /// Forgets positions from `length` on. REQUIRES can_truncate(length).
  virtual void truncate(int length) = 0;

  /// The same contents; neither sees what the other appends. Storage is shared
  /// until one of them writes. REQUIRES: everything appended is evaluated.
  virtual std::unique_ptr<KvLayer> clone() const = 0;

  virtual std::size_t bytes() const = 0;
  /// Bytes that the cache takes, at most, while it holds `length` positions.
  virtual std::size_t bytes_at(int length) const = 0;

  /// Arrays that must be evaluated so that nothing lazy stays behind a step.
  virtual void collect_state(std::vector<mlx::core::array>& arrays) const = 0;

  /// Storage of the CPU kernels, which append by themselves; null elsewhere.
  virtual cpu::KvSlab* slab() { return nullptr; }
  /// The state of a recurrent layer; null elsewhere.
  virtual RecurrentState* recurrent() { return nullptr; }
  /// Counts tokens that a kernel is going to append to slab(), or that
  /// recurrent() has seen.
  virtual void reserve(int /*tokens*/) {}
};

/// One KvLayer per layer of the model.
using KvLayers = std::vector<std::unique_ptr<KvLayer>>;

/// How rows of a prompt with images differ from plain text. Immutable.
struct RowPlacement {
  /// (axes, rows): where each row stands on every axis of RopeTable::axes.
  /// Empty: as text.
  std::vector<std::int32_t> positions;
  /// (rows): keys [sees_from, sees_to) that a row sees beside those before it,
  /// in layers with a window, too; it is one of them. Empty: none.
  std::vector<std::int32_t> sees_from;
  std::vector<std::int32_t> sees_to;
};

/// New tokens of one sequence in a step: rows [first_row, first_row + rows) of
/// the step's activations.
struct SequenceRows {
  KvLayers* kv = nullptr;
  int first_row = 0;
  int rows = 0;
  /// Length of the prompt that the sequence began with, by which it is placed
  /// on a side of RopeTable::border; 0: by what it reaches with these rows.
  int planned = 0;
  /// What is added to a row's place in the cache to give the position by which
  /// it turns: images may take fewer positions than rows.
  int position_shift = 0;
  /// Null: all rows are text.
  std::shared_ptr<const RowPlacement> placement = nullptr;
  /// What the rows see of images beside the text, all rows of it; null: there
  /// are no such images (ops/cross_attention.h).
  std::shared_ptr<const std::vector<CrossSpan>> across = nullptr;
};

/// One forward pass over the new tokens of one or several sequences, laid one
/// after the other without padding: activations are (tokens, hidden).
struct Step {
  std::vector<SequenceRows> sequences;
  /// All rows are tokens of prompts, which may be computed faster and less
  /// exactly than tokens that were generated. It depends on nothing but the
  /// token, so that a row's result does not either.
  bool prompt_rows = false;
  /// (tokens, hidden) each: added to what layer 0, 1, ... gives (deepstack,
  /// arXiv:2406.04334).
  std::vector<mlx::core::array> layer_additions{};
};

}  // namespace abstractllm::ops
