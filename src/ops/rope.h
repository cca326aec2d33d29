// Rotary position embedding, all its published scalings as one table of
// inverse frequencies.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "mlx/array.h"

namespace abstractllm::ops {

/// arXiv:2104.09864. Pair i of the first `dims` values of a head turns by
/// position * inverse_frequencies[i]. Immutable.
struct RopeTable {
  int dims = 0;  ///< even, at most the head size; 0: no rotation
  /// Pairs are (2i, 2i + 1) instead of (i, i + dims / 2).
  bool interleaved = false;
  std::vector<float> inverse_frequencies;  ///< dims / 2
  /// Multiplies the rotated values (YaRN's and longrope's attention factor).
  float amplitude = 1.0f;
  /// longrope, arXiv:2402.13753: sequences of more than `border` positions turn
  /// by this table from their first position on. Null: all by one.
  std::shared_ptr<const RopeTable> beyond = nullptr;
  int border = 0;

  bool operator==(const RopeTable&) const = default;
};

/// The table for a sequence that is known to reach `length` positions.
inline const RopeTable& rope_for(const RopeTable& table, int length) {
  return table.beyond && length > table.border ? *table.beyond : table;
}

/// x: (heads, tokens, head_dim), rotated for positions
/// first_position .. first_position + tokens - 1.
mlx::core::array rotate(const mlx::core::array& x, const RopeTable& table,
                        int first_position);

}  // namespace abstractllm::ops
