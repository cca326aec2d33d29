// Rotary position embedding through mlx::core::fast.
// SPDX-License-Identifier: Apache-2.0
#include "ops/rope.h"

#include "mlx/fast.h"
#include "mlx/ops.h"

namespace abstractllm::ops {

namespace mx = mlx::core;

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

}  // namespace abstractllm::ops
