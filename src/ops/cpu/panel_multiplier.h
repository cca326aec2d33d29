// Products of rows with panels, by the kernels that weights and machine want.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/activations.h"
#include "ops/cpu/bf16_kernels.h"
#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/linear.h"
#include "ops/cpu/packed_matrix.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

/// Most rows that are multiplied at once.
inline constexpr std::int64_t kMaxStripRows = 512;

/// From this many rows on quantised panels are laid out as bytes first. Fewer
/// rows are done sooner than weights that stream by could be.
inline constexpr std::int64_t kExpandRows = 128;

/// The instruction sets that `options` allow.
const CpuFeatures& features_of(const LinearOptions& options);

/// Multiplies rows of one input with panels of matrices. A row gets the same
/// bits whatever stands beside it. Borrows the input. prepare() is for one
/// thread, multiply() for any number.
class PanelMultiplier {
 public:
  PanelMultiplier(const Activations& x, const LinearOptions& options);

  /// Makes the form of `x`, the input of this multiplier, that `weights` want.
  void prepare(ThreadPool& pool, Activations& x,
               const PackedMatrix& weights) const;

  /// Most rows that are worth giving to multiply() at once.
  std::int64_t longest_strip(const PackedMatrix& weights) const;

  /// Panels that one call of multiply() takes.
  int panels_at_once() const;

  /// Computes `rows` (at most kMaxStripRows) rows from `first_row` on times
  /// panels_at_once() panels into `out[row][16 * panels_at_once()]`; what lies
  /// behind the last panel is of no meaning. `first_row` is a multiple of
  /// kMaxBlockRows; fewer than the input has are multiples of it, too.
  void multiply(const PackedMatrix& weights, std::int64_t panel,
                std::int64_t first_row, std::int64_t rows, float* out) const;

 private:
  enum class Form : std::uint8_t { kInt8, kBf16, kFloat };
  Form form_for(const PackedMatrix& weights) const;
  bool expands() const {
    return int8_.expand[0] != nullptr && x_.rows() >= kExpandRows;
  }
  int planes() const { return precision_ == Precision::kInt8 ? 1 : 2; }

  void multiply_int8(const PackedMatrix& weights, std::int64_t panel,
                     std::int64_t first_row, std::int64_t rows,
                     float* out) const;
  void multiply_apart(const PackedMatrix& weights, std::int64_t panel,
                      int panels, std::int64_t first_row, std::int64_t rows,
                      float* out) const;
  void multiply_expanded(const PackedMatrix& weights, std::int64_t panel,
                         int panels, std::int64_t first_row, std::int64_t rows,
                         float* out) const;
  void multiply_bf16(const PackedMatrix& weights, std::int64_t panel,
                     int panels, std::int64_t first_row, std::int64_t rows,
                     float* out) const;
  void multiply_streaming(const PackedMatrix& weights, std::int64_t panel,
                          std::int64_t first_row, std::int64_t rows,
                          float* out) const;
  void multiply_widened(const PackedMatrix& weights, std::int64_t panel,
                        int panels, std::int64_t first_row, std::int64_t rows,
                        float* out) const;
  const float* widen_chunk(const PanelLayout& layout, std::int64_t column,
                           std::int64_t columns, float* buffer,
                           const std::uint8_t*& data) const;

  const Activations& x_;
  Precision precision_;
  bool rounds_bf16_;
  const Int8Kernels& int8_;
  const Bf16Kernels* bf16_;  // null: there are none
};

}  // namespace abstractllm::ops::cpu
