// Linear layers: cuts products into panels and strips of rows.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/linear.h"

#include <algorithm>
#include <cstring>

namespace abstractllm::ops::cpu {
namespace {

constexpr std::int64_t kMaxStripRows = 128;

const CpuFeatures& machine_features() {
  static const CpuFeatures features = detect_cpu_features();
  return features;
}

/// Rows of a strip of activations that are worked through while a panel of
/// weights is in the first-level cache.
std::int64_t strip_rows(std::int64_t rows, std::int64_t bytes_per_row,
                        std::int64_t panels, int threads) {
  constexpr std::int64_t kCacheBytes = 3 << 20;  // a share of the last level
  std::int64_t strip = kCacheBytes / std::max<std::int64_t>(1, bytes_per_row);
  // Few panels for many threads: cut the rows finer.
  const std::int64_t strips_wanted =
      4 * threads / std::max<std::int64_t>(1, panels);
  if (strips_wanted > 1) strip = std::min(strip, rows / strips_wanted);
  strip = std::clamp<std::int64_t>(strip / kMaxBlockRows * kMaxBlockRows,
                                   4 * kMaxBlockRows, kMaxStripRows);
  return std::min(strip, rows);
}

/// From this many rows on two panels are multiplied at once.
constexpr std::int64_t kWideRows = kMaxBlockRows;
/// From this many rows on quantised panels are laid out as bytes first. Fewer
/// rows are done sooner than weights that stream by could be.
constexpr std::int64_t kExpandRows = 128;

/// Computes `rows` rows from `first_row` on times panels_at_once() panels into
/// `out[row][16 * panels_at_once()]`; what lies behind the last panel is of no
/// meaning.
class PanelMultiplier {
 public:
  PanelMultiplier(const Activations& x, const LinearOptions& options)
      : x_(x),
        precision_(options.precision),
        int8_(int8_kernels(options.features != nullptr ? *options.features
                                                       : machine_features())) {}

  static bool uses_int8(const PackedMatrix& weights, Precision precision) {
    return weights.layout().quantised() && precision != Precision::kExact;
  }

  int panels_at_once() const { return x_.rows() < kWideRows ? 1 : kGemmPanels; }

  void multiply(const PackedMatrix& weights, std::int64_t panel,
                std::int64_t first_row, std::int64_t rows, float* out) const {
    const auto panels = static_cast<int>(std::min<std::int64_t>(
        panels_at_once(), weights.layout().panel_count - panel));
    if (!uses_int8(weights, precision_)) {
      multiply_float(weights, panel, panels, first_row, rows, out);
    } else if (panels_at_once() == 1) {
      multiply_int8(weights, panel, first_row, rows, out);
    } else if (int8_.expand[0] != nullptr && x_.rows() >= kExpandRows) {
      multiply_expanded(weights, panel, panels, first_row, rows, out);
    } else {
      multiply_apart(weights, panel, panels, first_row, rows, out);
    }
  }

 private:
  int planes() const { return precision_ == Precision::kInt8 ? 1 : 2; }

  void multiply_int8(const PackedMatrix& weights, std::int64_t panel,
                     std::int64_t first_row, std::int64_t rows,
                     float* out) const {
    const PanelLayout& layout = weights.layout();
    const auto& kernels =
        int8_.multiply[kernel_index(layout.shape)][planes() - 1];
    for (std::int64_t row = 0; row < rows;) {
      const int height = block_height(x_.rows() - first_row - row);
      kernels[height_index(height)](layout, weights.panel(panel),
                                    x_.int8_block(first_row + row),
                                    out + row * kPanelRows);
      row += height;
    }
  }

  void multiply_apart(const PackedMatrix& weights, std::int64_t panel,
                      int panels, std::int64_t first_row, std::int64_t rows,
                      float* out) const {
    alignas(64) float values[kMaxStripRows * kPanelRows];
    for (int p = 0; p < kGemmPanels; ++p) {
      if (p < panels)
        multiply_int8(weights, panel + p, first_row, rows, values);
      for (std::int64_t row = 0; row < rows; ++row) {
        std::memcpy(out + (row * kGemmPanels + p) * kPanelRows,
                    values + row * kPanelRows, kPanelRows * sizeof(float));
      }
    }
  }

  void multiply_expanded(const PackedMatrix& weights, std::int64_t panel,
                         int panels, std::int64_t first_row, std::int64_t rows,
                         float* out) const {
    const PanelLayout& layout = weights.layout();
    const WeightShape& shape = layout.shape;
    const auto expand = int8_.expand[kernel_index(shape)];
    const auto gemm = int8_.gemm[planes() - 1][layout.has_bias ? 1 : 0]
                                [shape.group == kTileColumns / 2 ? 1 : 0];
    const int zero_shift = log2_zero_point(shape.encoding, shape.bits);
    ExpandedChunk expanded[kGemmPanels];
    // A panel that is not there is all zeros.
    if (panels < kGemmPanels) std::memset(&expanded[1], 0, sizeof(expanded[1]));
    std::fill_n(out, rows * kGemmPanels * kPanelRows, 0.0f);
    const GemmRows strip = {x_.int8_block(first_row), x_.int8_row_bytes(),
                            rows};
    const std::uint8_t* chunks[kGemmPanels];
    for (int p = 0; p < panels; ++p) chunks[p] = weights.panel(panel + p);
    for (std::int64_t c = 0; c < layout.chunk_count(); ++c) {
      const int tiles = layout.chunk_tiles(c);
      for (int p = 0; p < panels; ++p) {
        expand(layout, chunks[p], tiles, expanded[p]);
        chunks[p] += layout.chunk_at(c).bytes;
      }
      gemm(expanded, tiles, zero_shift, strip, c * kChunkTiles, out);
    }
  }

  void multiply_float(const PackedMatrix& weights, std::int64_t panel,
                      int panels, std::int64_t first_row, std::int64_t rows,
                      float* out) const {
    const PanelLayout& layout = weights.layout();
    const int step = panels_at_once();
    alignas(64) float widened[kGemmPanels][kChunkColumns * kPanelRows];
    std::fill_n(out, rows * step * kPanelRows, 0.0f);
    const std::uint8_t* data[kGemmPanels];
    for (int p = 0; p < panels; ++p) data[p] = weights.panel(panel + p);
    for (std::int64_t c = 0; c < layout.shape.columns; c += kChunkColumns) {
      const std::int64_t columns =
          std::min<std::int64_t>(kChunkColumns, layout.shape.columns - c);
      const float* values[kGemmPanels];
      for (int p = 0; p < panels; ++p) {
        values[p] = widen_chunk(layout, c, columns, widened[p], data[p]);
      }
      if (panels < step) values[1] = values[0];
      for (std::int64_t row = 0; row < rows;) {
        const int height = block_height(x_.rows() - first_row - row);
        multiply_f32_panels(
            height, x_.float_block(first_row + row) + c * height, values, step,
            columns, out + row * step * kPanelRows);
        row += height;
      }
    }
  }

  /// The columns from `c` on of a panel in f32, in `buffer` if need be. Moves
  /// `data` on to the next.
  const float* widen_chunk(const PanelLayout& layout, std::int64_t c,
                           std::int64_t columns, float* buffer,
                           const std::uint8_t*& data) const {
    const std::uint8_t* from = data;
    if (layout.quantised()) {
      const std::int64_t chunk = c / kChunkColumns;
      int8_.unpack[kernel_index(layout.shape)](
          layout, from, layout.chunk_tiles(chunk), buffer);
      data += layout.chunk_at(chunk).bytes;
      return buffer;
    }
    data += columns * layout.dense_column_bytes();
    if (layout.shape.encoding == WeightEncoding::kF32) {
      return reinterpret_cast<const float*>(from);
    }
    widen_panel(layout.shape.encoding, from, round_up(columns, 2), buffer);
    return buffer;
  }

  const Activations& x_;
  Precision precision_;
  const Int8Kernels& int8_;
};

void prepare(ThreadPool& pool, Activations& x, const PackedMatrix& weights,
             Precision precision) {
  if (PanelMultiplier::uses_int8(weights, precision)) {
    x.quantise(pool, precision == Precision::kInt8 ? 1 : 2);
  } else {
    x.interleave(pool);
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

void write_tile(const Tile& tile, const LinearTarget& target,
                std::int64_t first_row) {
  const std::int64_t stride =
      target.stride != 0 ? target.stride : target.weights->rows();
  float* y = target.y + first_row * stride + tile.first_column;
  for (std::int64_t row = 0; row < tile.rows; ++row, y += stride) {
    const float* from = tile.values + row * tile.stride;
    if (target.add) {
      for (std::int64_t i = 0; i < tile.width; ++i) y[i] += from[i];
    } else {
      std::copy_n(from, tile.width, y);
    }
  }
}

/// Runs `work(unit, first_row, rows)` over units of `unit_bytes` of weights
/// times strips of rows.
template <typename Work>
void for_each_strip(ThreadPool& pool, const Activations& x, std::int64_t units,
                    std::int64_t unit_bytes, Work work) {
  const std::int64_t strip =
      strip_rows(x.rows(), x.columns() * 5 / 2, units, pool.size());
  const std::int64_t strips = (x.rows() + strip - 1) / strip;
  // Some microseconds of streaming or arithmetic a range.
  const std::int64_t cost = unit_bytes * std::max<std::int64_t>(1, strip / 4);
  const std::int64_t grain = std::max<std::int64_t>(1, 32768 / cost);
  pool.parallel_for(units * strips, grain,
                    [&](std::int64_t begin, std::int64_t end, int) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t row = i / units * strip;
                        work(i % units, row, std::min(strip, x.rows() - row));
                      }
                    });
}

}  // namespace

const Int8Kernels& int8_kernels(const CpuFeatures& features) {
#if defined(__x86_64__)
  if (features.avx512_vnni && features.amx_int8) return int8_kernels_amx();
  if (features.avx512_vnni) return int8_kernels_avx512_vnni();
  if (features.avx_vnni) return int8_kernels_avx_vnni();
  if (features.avx512) return int8_kernels_avx512();
  if (features.avx2) return int8_kernels_avx2();
  if (features.sse4) return int8_kernels_sse4();
#elif defined(__aarch64__)
  if (features.neon_dot) return int8_kernels_neon_dot();
  return int8_kernels_neon();
#endif
  return int8_kernels_portable();
}

void linear(ThreadPool& pool, Activations& x,
            std::span<const LinearTarget> targets,
            const LinearOptions& options) {
  const PanelMultiplier multiplier(x, options);
  const std::int64_t step = multiplier.panels_at_once();
  const auto units_of = [&](const LinearTarget& target) {
    return (target.weights->layout().panel_count + step - 1) / step;
  };
  std::int64_t units = 0;
  for (const LinearTarget& target : targets) {
    prepare(pool, x, *target.weights, options.precision);
    units += units_of(target);
  }
  if (units == 0 || x.rows() == 0) return;
  const auto work = [&](std::int64_t unit, std::int64_t row,
                        std::int64_t rows) {
    const LinearTarget* target = targets.data();
    while (unit >= units_of(*target)) unit -= units_of(*target++);
    alignas(64) float values[kMaxStripRows * kGemmPanels * kPanelRows];
    multiplier.multiply(*target->weights, unit * step, row, rows, values);
    const Tile tile =
        tile_of(values, *target->weights, unit * step, step, rows);
    if (target->bias != nullptr) add_bias(target->bias, tile);
    write_tile(tile, *target, row);
  };
  for_each_strip(pool, x, units,
                 step * targets[0].weights->layout().panel_bytes, work);
}

void gated_linear(ThreadPool& pool, Activations& x, const GatedTarget& target,
                  const LinearOptions& options) {
  prepare(pool, x, *target.gate, options.precision);
  prepare(pool, x, *target.up, options.precision);
  if (x.rows() == 0) return;
  const PanelMultiplier multiplier(x, options);
  const std::int64_t step = multiplier.panels_at_once();
  const PanelLayout& layout = target.gate->layout();
  const LinearTarget output{
      .weights = target.gate, .y = target.y, .stride = target.stride};
  const auto work = [&](std::int64_t unit, std::int64_t row,
                        std::int64_t rows) {
    constexpr std::int64_t kValues = kMaxStripRows * kGemmPanels * kPanelRows;
    alignas(64) float gate_values[kValues];
    alignas(64) float up_values[kValues];
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
  for_each_strip(pool, x, (layout.panel_count + step - 1) / step,
                 2 * step * layout.panel_bytes, work);
}

}  // namespace abstractllm::ops::cpu
