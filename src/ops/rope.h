// Rotary position embedding, all its published scalings as one table of
// inverse frequencies.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mlx/array.h"

namespace abstractllm::ops {

/// Time, height and width.
inline constexpr int kRopeAxes = 3;

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
  /// dims / 2: the axis (0 to kRopeAxes - 1) whose position turns a pair, for
  /// models that place images in time, height and width. Empty: one axis.
  /// REQUIRES: not interleaved where set.
  std::vector<std::uint8_t> axes = {};

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

/// Cosines and sines of rows, (rows, pairs) each.
struct RopeAngles {
  std::vector<float> cos;
  std::vector<float> sin;
};

/// positions: (kRopeAxes, rows). REQUIRES: table.axes is set.
RopeAngles rope_angles(const RopeTable& table,
                       std::span<const std::int32_t> positions);

/// x: (heads, tokens, head_dim); pair i is (i, i + pairs) of the first
/// 2 * pairs values and turns by angles of (tokens, pairs).
mlx::core::array rotate_by(const mlx::core::array& x, const RopeAngles& angles);

}  // namespace abstractllm::ops
