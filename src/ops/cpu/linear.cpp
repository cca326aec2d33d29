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
  constexpr std::int64_t kCacheBytes = 384 << 10;  // of the second level
  std::int64_t strip = kCacheBytes / std::max<std::int64_t>(1, bytes_per_row);
  // Few panels for many threads: cut the rows finer.
  const std::int64_t strips_wanted =
      4 * threads / std::max<std::int64_t>(1, panels);
  if (strips_wanted > 1) strip = std::min(strip, rows / strips_wanted);
  strip = std::clamp<std::int64_t>(strip / kMaxBlockRows * kMaxBlockRows,
                                   4 * kMaxBlockRows, kMaxStripRows);
  return std::min(strip, rows);
}

/// Computes `rows` rows from `first_row` on times one panel into
/// `out[row][16]`.
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

  void multiply(const PackedMatrix& weights, std::int64_t panel,
                std::int64_t first_row, std::int64_t rows, float* out) const {
    if (!uses_int8(weights, precision_)) {
      multiply_float(weights, panel, first_row, rows, out);
    } else if (precision_ == Precision::kInt8) {
      multiply_int8(weights, panel, first_row, rows, x_.rows(), out);
    } else {
      alignas(64) float planes[2 * kMaxStripRows * kPanelRows];
      multiply_int8(weights, panel, 2 * first_row, 2 * rows, 2 * x_.rows(),
                    planes);
      for (std::int64_t row = 0; row < rows; ++row) {
        const float* pair = planes + 2 * row * kPanelRows;
        for (int i = 0; i < kPanelRows; ++i) {
          out[row * kPanelRows + i] = pair[i] + pair[kPanelRows + i];
        }
      }
    }
  }

 private:
  // Rows of all planes, `all_rows` of them in the whole input.
  void multiply_int8(const PackedMatrix& weights, std::int64_t panel,
                     std::int64_t first_row, std::int64_t rows,
                     std::int64_t all_rows, float* out) const {
    const PanelLayout& layout = weights.layout();
    const auto& kernels = int8_.multiply[kernel_index(layout.shape)];
    for (std::int64_t row = 0; row < rows;) {
      const int height = Activations::block_height(first_row + row, all_rows);
      kernels[height_index(height)](layout, weights.panel(panel),
                                    x_.int8_block(first_row + row),
                                    out + row * kPanelRows);
      row += height;
    }
  }

  void multiply_float(const PackedMatrix& weights, std::int64_t panel,
                      std::int64_t first_row, std::int64_t rows,
                      float* out) const {
    const PanelLayout& layout = weights.layout();
    alignas(64) float widened[kChunkColumns * kPanelRows];
    std::fill_n(out, rows * kPanelRows, 0.0f);
    const std::uint8_t* data = weights.panel(panel);
    for (std::int64_t c = 0; c < layout.shape.columns; c += kChunkColumns) {
      const std::int64_t columns =
          std::min<std::int64_t>(kChunkColumns, layout.shape.columns - c);
      const float* values = widened;
      __builtin_prefetch(data);
      if (layout.quantised()) {
        const int tiles = layout.chunk_tiles(c / kChunkColumns);
        int8_.unpack[kernel_index(layout.shape)](layout, data, tiles, widened);
        data += layout.chunk_at(c / kChunkColumns).bytes;
      } else if (layout.shape.encoding == WeightEncoding::kF32) {
        values = reinterpret_cast<const float*>(data);
        data += columns * layout.dense_column_bytes();
      } else {
        widen_panel(layout.shape.encoding, data, round_up(columns, 2), widened);
        data += columns * layout.dense_column_bytes();
      }
      for (std::int64_t row = 0; row < rows;) {
        const int height =
            Activations::block_height(first_row + row, x_.rows());
        multiply_f32_panel(height, x_.float_block(first_row + row) + c * height,
                           values, columns, out + row * kPanelRows);
        row += height;
      }
    }
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

void add_bias(const float* bias, int width, std::int64_t rows, float* tile) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (int i = 0; i < width; ++i) tile[row * kPanelRows + i] += bias[i];
  }
}

void write_tile(const float* tile, const LinearTarget& target,
                std::int64_t panel, std::int64_t first_row, std::int64_t rows) {
  const std::int64_t n = target.weights->rows();
  const std::int64_t stride = target.stride != 0 ? target.stride : n;
  const std::int64_t first = panel * kPanelRows;
  const int width =
      static_cast<int>(std::min<std::int64_t>(kPanelRows, n - first));
  float* y = target.y + first_row * stride + first;
  for (std::int64_t row = 0; row < rows; ++row, y += stride) {
    const float* from = tile + row * kPanelRows;
    if (target.add) {
      for (int i = 0; i < width; ++i) y[i] += from[i];
    } else if (width == kPanelRows) {
      std::memcpy(y, from, kPanelRows * sizeof(float));
    } else {
      std::copy_n(from, width, y);
    }
  }
}

/// Runs `work(panel, first_row, rows)` over panels times strips of rows.
template <typename Work>
void for_each_strip(ThreadPool& pool, const Activations& x, std::int64_t panels,
                    std::int64_t panel_bytes, Work work) {
  const std::int64_t strip =
      strip_rows(x.rows(), x.columns() * 3 / 2, panels, pool.size());
  const std::int64_t strips = (x.rows() + strip - 1) / strip;
  // Some microseconds of streaming or arithmetic a range.
  const std::int64_t cost = panel_bytes * std::max<std::int64_t>(1, strip / 4);
  const std::int64_t grain = std::max<std::int64_t>(1, 32768 / cost);
  pool.parallel_for(
      panels * strips, grain, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t unit = begin; unit < end; ++unit) {
          const std::int64_t row = unit / panels * strip;
          work(unit % panels, row, std::min(strip, x.rows() - row));
        }
      });
}

}  // namespace

const Int8Kernels& int8_kernels(const CpuFeatures& features) {
#if defined(__x86_64__)
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
  std::int64_t panels = 0;
  for (const LinearTarget& target : targets) {
    prepare(pool, x, *target.weights, options.precision);
    panels += target.weights->layout().panel_count;
  }
  if (panels == 0 || x.rows() == 0) return;
  const PanelMultiplier multiplier(x, options);
  const auto work = [&](std::int64_t panel, std::int64_t row,
                        std::int64_t rows) {
    const LinearTarget* target = targets.data();
    while (panel >= target->weights->layout().panel_count) {
      panel -= target->weights->layout().panel_count;
      ++target;
    }
    alignas(64) float tile[kMaxStripRows * kPanelRows];
    multiplier.multiply(*target->weights, panel, row, rows, tile);
    if (target->bias != nullptr) {
      const std::int64_t first = panel * kPanelRows;
      const auto width = static_cast<int>(
          std::min<std::int64_t>(kPanelRows, target->weights->rows() - first));
      add_bias(target->bias + first, width, rows, tile);
    }
    write_tile(tile, *target, panel, row, rows);
  };
  for_each_strip(pool, x, panels, targets[0].weights->layout().panel_bytes,
                 work);
}

void gated_linear(ThreadPool& pool, Activations& x, const GatedTarget& target,
                  const LinearOptions& options) {
  prepare(pool, x, *target.gate, options.precision);
  prepare(pool, x, *target.up, options.precision);
  if (x.rows() == 0) return;
  const PanelMultiplier multiplier(x, options);
  const std::int64_t n = target.gate->rows();
  const LinearTarget output{
      .weights = target.gate, .y = target.y, .stride = target.stride};
  const auto work = [&](std::int64_t panel, std::int64_t row,
                        std::int64_t rows) {
    alignas(64) float gate[kMaxStripRows * kPanelRows];
    alignas(64) float up[kMaxStripRows * kPanelRows];
    multiplier.multiply(*target.gate, panel, row, rows, gate);
    multiplier.multiply(*target.up, panel, row, rows, up);
    const std::int64_t first = panel * kPanelRows;
    const auto width =
        static_cast<int>(std::min<std::int64_t>(kPanelRows, n - first));
    if (target.gate_bias != nullptr) {
      add_bias(target.gate_bias + first, width, rows, gate);
    }
    if (target.up_bias != nullptr) {
      add_bias(target.up_bias + first, width, rows, up);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      gate_16(target.kind, gate + r * kPanelRows, up + r * kPanelRows,
              gate + r * kPanelRows);
    }
    write_tile(gate, output, panel, row, rows);
  };
  for_each_strip(pool, x, target.gate->layout().panel_count,
                 2 * target.gate->layout().panel_bytes, work);
}

}  // namespace abstractllm::ops::cpu
