// Linear layers: cuts products into panels and strips of rows.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/linear.h"

#include <algorithm>
#include <cstring>

#include "ops/cpu/aligned_buffer.h"
#include "ops/cpu/panel_multiplier.h"

namespace abstractllm::ops::cpu {
namespace {

/// Rows of a strip, which are worked through while a chunk of a panel is in the
/// first-level cache. Strips are about equal; shorter ones, each of which costs
/// some rows more, leave less to wait for at the end.
std::int64_t strip_rows(std::int64_t rows, std::int64_t longest,
                        std::int64_t units, int threads) {
  constexpr std::int64_t kLongStrip = 128;
  constexpr std::int64_t kShortStrip = 32;
  const std::int64_t wanted =
      std::max({(rows + longest - 1) / longest, 4 * threads / units,
                std::min(rows / kLongStrip, 32 * threads / units)});
  const std::int64_t strip =
      round_up((rows + wanted - 1) / wanted, kMaxBlockRows);
  return std::min(rows, std::max(strip, kShortStrip));
}

/// Matrices are packed in the order in which they are used, or nearly so. With
/// few rows weights arrive more slowly than they are multiplied, so threads
/// that would do nothing fetch those behind.
void fetch_behind(ThreadPool& pool, const Activations& x,
                  const PackedMatrix& weights) {
  constexpr std::size_t kBytes = std::size_t{1} << 19;
  if (x.rows() <= kMaxBlockRows) {
    pool.fetch_while_waiting(weights.end(), kBytes);
  }
}

/// A product of some rows with neighbouring panels, on its way to y.
struct Tile {
  float* values;  // [rows][stride]
  std::int64_t stride;
  std::int64_t rows;
  std::int64_t first_column;  // of y
  std::int64_t width;         // columns that y has
};

Tile tile_of(float* values, const PackedMatrix& weights, std::int64_t panel,
             std::int64_t panels, std::int64_t rows) {
  const std::int64_t first = panel * kPanelRows;
  return {values, panels * kPanelRows, rows, first,
          std::min(panels * kPanelRows, weights.rows() - first)};
}

void add_bias(const float* bias, const Tile& tile) {
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    float* to = tile.values + row * tile.stride;
    for (std::int64_t i = 0; i < tile.width; ++i) {
      to[i] += bias[tile.first_column + i];
    }
  }
}

// Rows of a width that compilers know are a few instructions.
template <std::int64_t kWidth>
void write_rows(const Tile& tile, bool add, float* y, std::int64_t stride) {
  const float* from = tile.values;
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    float total[kWidth];
    for (std::int64_t i = 0; i < kWidth; ++i) {
      total[i] = add ? y[i] + from[i] : from[i];
    }
    std::memcpy(y, total, sizeof(total));
    from += tile.stride;
    y += stride;
  }
}

void write_tile(const Tile& tile, const LinearTarget& target,
                std::int64_t first_row) {
  const std::int64_t stride =
      target.stride != 0 ? target.stride : target.weights->rows();
  float* y = target.y + first_row * stride + tile.first_column;
  if (tile.width == kPanelRows) {
    return write_rows<kPanelRows>(tile, target.add, y, stride);
  }
  if (tile.width == kGemmPanels * kPanelRows) {
    return write_rows<kGemmPanels * kPanelRows>(tile, target.add, y, stride);
  }
  for (std::int64_t row = 0; row < tile.rows; ++row, y += stride) {
    const float* from = tile.values + row * tile.stride;
    for (std::int64_t i = 0; i < tile.width; ++i) {
      y[i] = target.add ? y[i] + from[i] : from[i];
    }
  }
}

/// Where a thread puts the products of a strip; of the kinds of `which` each
/// has its own. Stacks of threads may be too small for several.
float* strip_values(int which) {
  thread_local AlignedBuffer buffers[2];
  constexpr std::int64_t kValues = kMaxStripRows * kGemmPanels * kPanelRows;
  buffers[which].resize(kValues * sizeof(float));
  return buffers[which].as<float>();
}

/// Runs `work(unit, first_row, rows)` over units of `unit_bytes` of weights
/// times strips of rows.
template <typename Work>
void for_each_strip(ThreadPool& pool, const Activations& x,
                    std::int64_t longest_strip, std::int64_t units,
                    std::int64_t unit_bytes, Work work) {
  const std::int64_t strip =
      strip_rows(x.rows(), longest_strip, units, pool.size());
  const std::int64_t strips = (x.rows() + strip - 1) / strip;
  // Some microseconds of streaming or arithmetic a range.
  const std::int64_t cost = unit_bytes * std::max<std::int64_t>(1, strip / 4);
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / cost);
  pool.parallel_for(units * strips, grain,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t row = i / units * strip;
                        work(i % units, row, std::min(strip, x.rows() - row));
                      }
                    });
}

}  // namespace

void linear(ThreadPool& pool, Activations& x,
            std::span<const LinearTarget> targets,
            const LinearOptions& options) {
  const PanelMultiplier multiplier(x, options);
  const std::int64_t step = multiplier.panels_at_once();
  const auto units_of = [&](const LinearTarget& target) {
    return (target.weights->layout().panel_count + step - 1) / step;
  };
  std::int64_t units = 0;
  std::int64_t longest_strip = kMaxStripRows;
  for (const LinearTarget& target : targets) {
    multiplier.prepare(pool, x, *target.weights);
    longest_strip =
        std::min(longest_strip, multiplier.longest_strip(*target.weights));
    units += units_of(target);
  }
  if (units == 0 || x.rows() == 0) return;
  fetch_behind(pool, x, *targets.back().weights);
  const auto work = [&](std::int64_t unit, std::int64_t row,
                        std::int64_t rows) {
    const LinearTarget* target = targets.data();
    while (unit >= units_of(*target)) unit -= units_of(*target++);
    float* values = strip_values(0);
    multiplier.multiply(*target->weights, unit * step, row, rows, values);
    const Tile tile =
        tile_of(values, *target->weights, unit * step, step, rows);
    if (target->bias != nullptr) add_bias(target->bias, tile);
    write_tile(tile, *target, row);
  };
  for_each_strip(pool, x, longest_strip, units,
                 step * targets[0].weights->layout().panel_bytes, work);
}

void gated_linear(ThreadPool& pool, Activations& x, const GatedTarget& target,
                  const LinearOptions& options) {
  const PanelMultiplier multiplier(x, options);
  multiplier.prepare(pool, x, *target.gate);
  multiplier.prepare(pool, x, *target.up);
  if (x.rows() == 0) return;
  fetch_behind(pool, x, *target.up);
  const std::int64_t step = multiplier.panels_at_once();
  const PanelLayout& layout = target.gate->layout();
  const LinearTarget output{
      .weights = target.gate, .y = target.y, .stride = target.stride};
  const auto work = [&](std::int64_t unit, std::int64_t row,
                        std::int64_t rows) {
    float* gate_values = strip_values(0);
    float* up_values = strip_values(1);
    const std::int64_t panel = unit * step;
    multiplier.multiply(*target.gate, panel, row, rows, gate_values);
    multiplier.multiply(*target.up, panel, row, rows, up_values);
    const Tile gate = tile_of(gate_values, *target.gate, panel, step, rows);
    const Tile up = tile_of(up_values, *target.up, panel, step, rows);
    if (target.gate_bias != nullptr) add_bias(target.gate_bias, gate);
    if (target.up_bias != nullptr) add_bias(target.up_bias, up);
    for (std::int64_t i = 0; i < rows * gate.stride; i += kPanelRows) {
      gate_16(target.kind, gate_values + i, up_values + i, gate_values + i);
    }
    write_tile(gate, output, row);
  };
  for_each_strip(pool, x,
                 std::min(multiplier.longest_strip(*target.gate),
                          multiplier.longest_strip(*target.up)),
                 (layout.panel_count + step - 1) / step,
                 2 * step * layout.panel_bytes, work);
}

}  // namespace abstractllm::ops::cpu
