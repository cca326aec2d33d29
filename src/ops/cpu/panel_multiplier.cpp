// Picks kernels and feeds them chunks of panels.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/panel_multiplier.h"

#include <algorithm>
#include <cstring>

#include "ops/cpu/dense_kernels.h"
#include "ops/cpu/panel_kernels.h"

namespace abstractllm::ops::cpu {
namespace {

/// From this many rows on two panels are multiplied at once.
constexpr std::int64_t kWideRows = kMaxBlockRows;

static_assert(kDenseChunkColumns == kChunkColumns);

// Whether weights of this shape meet bf16 although quantised ones do not meet
// 8 bits.
bool bears_bf16(const WeightShape& shape) {
  return std::min(shape.rows, shape.columns) >= kBearsBf16;
}

}  // namespace

const CpuFeatures& features_of(const LinearOptions& options) {
  static const CpuFeatures machine = detect_cpu_features();
  return options.features != nullptr ? *options.features : machine;
}

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

const Bf16Kernels* bf16_kernels(const CpuFeatures& features) {
#if defined(__x86_64__)
  if (features.amx_bf16) return &bf16_kernels_amx();
  if (features.avx512_bf16) return &bf16_kernels_avx512();
#endif
  static_cast<void>(features);
  return nullptr;
}

PanelMultiplier::PanelMultiplier(const Activations& x,
                                 const LinearOptions& options)
    : x_(x),
      precision_(options.precision),
      rounds_bf16_(options.rounds_bf16),
      int8_(int8_kernels(features_of(options))),
      bf16_(bf16_kernels(features_of(options))) {}

PanelMultiplier::Form PanelMultiplier::form_for(
    const PackedMatrix& weights) const {
  const PanelLayout& layout = weights.layout();
  if (layout.quantised()) {
    return precision_ == Precision::kExact ? Form::kFloat : Form::kInt8;
  }
  const bool rounds = precision_ == Precision::kInt8 ||
                      (precision_ == Precision::kInt8Pair && rounds_bf16_ &&
                       bears_bf16(layout.shape));
  return rounds && bf16_ != nullptr &&
                 layout.shape.encoding == WeightEncoding::kBF16
             ? Form::kBf16
             : Form::kFloat;
}

void PanelMultiplier::prepare(ThreadPool& pool, Activations& x,
                              const PackedMatrix& weights) const {
  switch (form_for(weights)) {
    case Form::kInt8:
      return x.quantise(pool, planes());
    case Form::kBf16:
      return x.round(pool);
    case Form::kFloat:
      return x.interleave(pool);
  }
}

// Laying out a chunk of panels costs as much as eight rows; other forms only
// want their rows to stay in the second-level cache.
std::int64_t PanelMultiplier::longest_strip(const PackedMatrix& weights) const {
  constexpr std::int64_t kShort = 128;
  return form_for(weights) == Form::kInt8 && expands() ? kMaxStripRows : kShort;
}

int PanelMultiplier::panels_at_once() const {
  return x_.rows() < kWideRows ? 1 : kGemmPanels;
}

void PanelMultiplier::multiply(const PackedMatrix& weights, std::int64_t panel,
                               std::int64_t first_row, std::int64_t rows,
                               float* out) const {
  const auto panels = static_cast<int>(std::min<std::int64_t>(
      panels_at_once(), weights.layout().panel_count - panel));
  const bool alone = panels_at_once() == 1;
  switch (form_for(weights)) {
    case Form::kInt8:
      if (alone) return multiply_int8(weights, panel, first_row, rows, out);
      if (expands()) {
        return multiply_expanded(weights, panel, panels, first_row, rows, out);
      }
      return multiply_apart(weights, panel, panels, first_row, rows, out);
    case Form::kBf16:
      return multiply_bf16(weights, panel, panels, first_row, rows, out);
    case Form::kFloat:
      if (alone && !weights.layout().quantised()) {
        return multiply_streaming(weights, panel, first_row, rows, out);
      }
      return multiply_widened(weights, panel, panels, first_row, rows, out);
  }
}

void PanelMultiplier::multiply_int8(const PackedMatrix& weights,
                                    std::int64_t panel, std::int64_t first_row,
                                    std::int64_t rows, float* out) const {
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

void PanelMultiplier::multiply_apart(const PackedMatrix& weights,
                                     std::int64_t panel, int panels,
                                     std::int64_t first_row, std::int64_t rows,
                                     float* out) const {
  alignas(64) float values[kMaxStripRows * kPanelRows];
  for (int p = 0; p < kGemmPanels; ++p) {
    if (p < panels) multiply_int8(weights, panel + p, first_row, rows, values);
    for (std::int64_t row = 0; row < rows; ++row) {
      std::memcpy(out + (row * kGemmPanels + p) * kPanelRows,
                  values + row * kPanelRows, kPanelRows * sizeof(float));
    }
  }
}

void PanelMultiplier::multiply_expanded(const PackedMatrix& weights,
                                        std::int64_t panel, int panels,
                                        std::int64_t first_row,
                                        std::int64_t rows, float* out) const {
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
  const GemmRows strip = {x_.int8_block(first_row), x_.int8_row_bytes(), rows};
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

void PanelMultiplier::multiply_bf16(const PackedMatrix& weights,
                                    std::int64_t panel, int panels,
                                    std::int64_t first_row, std::int64_t rows,
                                    float* out) const {
  const PanelLayout& layout = weights.layout();
  const std::int64_t columns = layout.shape.columns;
  const int step = panels_at_once();
  std::fill_n(out, rows * step * kPanelRows, 0.0f);
  const Bf16Rows strip = {x_.bf16_block(first_row), x_.bf16_row_values(), rows};
  const std::uint8_t* data[kGemmPanels];
  for (int p = 0; p < step; ++p) {
    data[p] = weights.panel(panel + std::min(p, panels - 1));
  }
  // One block of rows takes whole panels as they stream by; more of them find a
  // chunk of the panels in the first-level cache.
  const std::int64_t chunk = rows <= kMaxBlockRows ? columns : kChunkColumns;
  for (std::int64_t c = 0; c < columns; c += chunk) {
    const std::int64_t here = std::min(chunk, columns - c);
    bf16_->multiply(strip, data, step, c, here, out);
    for (int p = 0; p < step; ++p) {
      data[p] += here * layout.dense_column_bytes();
    }
  }
}

void PanelMultiplier::multiply_streaming(const PackedMatrix& weights,
                                         std::int64_t panel,
                                         std::int64_t first_row,
                                         std::int64_t rows, float* out) const {
  const WeightShape& shape = weights.layout().shape;
  for (std::int64_t row = 0; row < rows;) {
    const int height = block_height(x_.rows() - first_row - row);
    multiply_dense_panel(shape.encoding, height,
                         x_.float_block(first_row + row), weights.panel(panel),
                         shape.columns, out + row * kPanelRows);
    row += height;
  }
}

void PanelMultiplier::multiply_widened(const PackedMatrix& weights,
                                       std::int64_t panel, int panels,
                                       std::int64_t first_row,
                                       std::int64_t rows, float* out) const {
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
      multiply_f32_panels(height, x_.float_block(first_row + row) + c * height,
                          values, step, columns, out + row * step * kPanelRows);
      row += height;
    }
  }
}

// The columns from `column` on of a panel in f32, in `buffer` if need be. Moves
// `data` on to the next.
const float* PanelMultiplier::widen_chunk(const PanelLayout& layout,
                                          std::int64_t column,
                                          std::int64_t columns, float* buffer,
                                          const std::uint8_t*& data) const {
  const std::uint8_t* from = data;
  if (layout.quantised()) {
    const std::int64_t chunk = column / kChunkColumns;
    int8_.unpack[kernel_index(layout.shape)](layout, from,
                                             layout.chunk_tiles(chunk), buffer);
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

}  // namespace abstractllm::ops::cpu
