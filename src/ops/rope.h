// Rotary position embedding, all its published scalings as one table of
// inverse frequencies.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mlx/array.h"

namespace abstractllm::ops {

/// Time, height and width.
inline constexpr int kRopeAxes = 3;

/// Dynamic NTK scaling: a longer sequence turns by a larger base.
struct RopeGrowth {
  double theta = 0;   ///< the base of sequences of up to `border` positions
  double factor = 1;  ///< of the scaling
  int dims = 0;       ///< that the exponents are shares of
  bool operator==(const RopeGrowth&) const = default;
};

/// arXiv:2104.09864. Pair i of the first `dims` values of a head turns by
/// position * inverse_frequencies[i]. Immutable.
struct RopeTable {
  int dims = 0;  ///< even, at most the head size; 0: no rotation
  /// Pairs are (2i, 2i + 1) instead of (i, i + dims / 2).
  bool interleaved = false;
  std::vector<float> inverse_frequencies;  ///< dims / 2
  /// Multiplies the rotated values (YaRN's and longrope's attention factor).
  float amplitude = 1.0f;
  /// longrope, arXiv:2402.13753: new positions of sequences of more than
  /// `border` turn by this table. Null: all by one.
  std::shared_ptr<const RopeTable> beyond = nullptr;
  /// Those turn by a base that grows with the length.
  std::optional<RopeGrowth> growth = std::nullopt;
  int border = 0;
  /// dims / 2: the axis (0 to kRopeAxes - 1) whose position turns a pair, for
  /// models that place images in time, height and width. Empty: one axis.
  /// REQUIRES: not interleaved where set.
  std::vector<std::uint8_t> axes = {};

  bool operator==(const RopeTable&) const = default;
};

/// The table for new positions of a sequence with a prompt of `planned` ones
/// (0: it has none) that reaches `reach` with them: all of a prompt turns by
/// its length. `grown` keeps a table that is made for this length.
const RopeTable& rope_for(const RopeTable& table, int planned, int reach,
                          RopeTable& grown);

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
