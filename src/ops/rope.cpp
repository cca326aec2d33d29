// Rotary position embedding through mlx::core::fast.
// SPDX-License-Identifier: Apache-2.0
#include "ops/rope.h"

#include <algorithm>
#include <cmath>

#include "mlx/fast.h"
#include "mlx/ops.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

const RopeTable& rope_for(const RopeTable& table, int planned, int reach,
                          RopeTable& grown) {
  const int length = std::max(planned, reach);
  if (table.border == 0 || length <= table.border) return table;
  if (table.beyond) return *table.beyond;
  if (!table.growth) return table;
  const auto [theta, factor, dims] = *table.growth;
  const double stretch = factor * length / table.border - (factor - 1);
  const double base = theta * std::pow(stretch, dims / (dims - 2.0));
  grown = table;
  for (std::size_t i = 0; i < grown.inverse_frequencies.size(); ++i) {
    grown.inverse_frequencies[i] = static_cast<float>(
        std::pow(base, -2.0 * static_cast<double>(i) / dims));
  }
  return grown;
}

mx::array rotate(const mx::array& x, const RopeTable& table,
                 int first_position) {
  if (table.dims == 0) return x;
  // MLX takes the period of each pair instead of its frequency.
  std::vector<float> periods(table.inverse_frequencies.size());
  for (std::size_t i = 0; i < periods.size(); ++i) {
    periods[i] = 1.0f / table.inverse_frequencies[i];
  }
  const mx::array freqs(periods.begin(),
                        mx::Shape{static_cast<int>(periods.size())});
  // A leading batch axis of one: MLX reads three dimensions as (batch, tokens,
  // head_dim) otherwise.
  mx::array rotated =
      mx::fast::rope(mx::expand_dims(x, 0), table.dims, table.interleaved,
                     std::nullopt, 1.0f, first_position, freqs);
  rotated = mx::squeeze(rotated, 0);
  if (table.amplitude == 1.0f) return rotated;
  const mx::array scale(table.amplitude, x.dtype());
  if (table.dims == x.shape(-1)) return rotated * scale;
  const mx::Shape stop{x.shape(0), x.shape(1), table.dims};
  mx::array turned = mx::slice(rotated, {0, 0, 0}, stop) * scale;
  mx::array rest = mx::slice(rotated, {0, 0, table.dims}, x.shape());
  return mx::concatenate({turned, rest}, -1);
}

RopeAngles rope_angles(const RopeTable& table,
                       std::span<const std::int32_t> positions) {
  const std::size_t rows = positions.size() / kRopeAxes;
  const std::size_t pairs = table.inverse_frequencies.size();
  RopeAngles angles;
  angles.cos.reserve(rows * pairs);
  angles.sin.reserve(rows * pairs);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::int32_t position = positions[table.axes[i] * rows + row];
      const float angle =
          static_cast<float>(position) * table.inverse_frequencies[i];
      angles.cos.push_back(std::cos(angle) * table.amplitude);
      angles.sin.push_back(std::sin(angle) * table.amplitude);
    }
  }
  return angles;
}

mx::array rotate_by(const mx::array& x, const RopeAngles& angles) {
  const int heads = x.shape(0);
  const int rows = x.shape(1);
  const int size = x.shape(2);
  const int pairs = static_cast<int>(angles.cos.size()) / rows;
  const mx::Shape shape{1, rows, pairs};
  const mx::array cos(angles.cos.data(), shape, x.dtype());
  const mx::array sin(angles.sin.data(), shape, x.dtype());
  const mx::array a = mx::slice(x, {0, 0, 0}, {heads, rows, pairs});
  const mx::array b = mx::slice(x, {0, 0, pairs}, {heads, rows, 2 * pairs});
  std::vector<mx::array> parts{a * cos - b * sin, a * sin + b * cos};
  if (2 * pairs < size) {
    parts.push_back(mx::slice(x, {0, 0, 2 * pairs}, {heads, rows, size}));
  }
  return mx::concatenate(parts, -1);
}

}  // namespace abstractllm::ops
