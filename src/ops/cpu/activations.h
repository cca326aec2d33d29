// The input of one or more linear layers, in the forms their kernels read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ops/cpu/aligned_buffer.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

/// Rows of activations, cut into blocks of 8 rows, then 4, 2 and 1 for the
/// rest. Each form is made once and shared by all layers with the same input;
/// the buffers are kept for the next input. One thread at a time; reading
/// after the forms are made is safe from any number.
class Activations {
 public:
  /// Borrows `x` [rows, columns], rows `stride` floats apart; drops the forms
  /// of an earlier input.
  void set(const float* x, std::int64_t rows, std::int64_t columns,
           std::int64_t stride);
  void set(const float* x, std::int64_t rows, std::int64_t columns) {
    set(x, rows, columns, columns);
  }

  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t columns() const noexcept { return columns_; }
  /// The first row as set() got it.
  const float* data() const noexcept { return x_; }
  std::int64_t stride() const noexcept { return stride_; }

  /// Makes the form in integers of one or two int8 planes (int8_kernels.h) if
  /// it is not there.
  void quantise(ThreadPool& pool, int planes);
  /// Makes the form in bf16 (bf16_kernels.h) if it is not there.
  void round(ThreadPool& pool);
  /// Makes the float form, `[column][row of block]`, if it is not there.
  void interleave(ThreadPool& pool);

  /// The block that starts at `row`.
  const std::int8_t* int8_block(std::int64_t row) const noexcept;
  const std::uint16_t* bf16_block(std::int64_t row) const noexcept;
  const float* float_block(std::int64_t row) const noexcept;
  /// Bytes of a row in the int8 form.
  std::int64_t int8_row_bytes() const noexcept;
  /// Values of a row in the bf16 form.
  std::int64_t bf16_row_values() const noexcept;

 private:
  template <typename Function>
  void for_each_block(ThreadPool& pool, Function function) const;

  const float* x_ = nullptr;
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  std::int64_t stride_ = 0;
  int int8_planes_ = 0;  // of the int8 form; 0: not made
  bool has_bf16_ = false;
  bool has_float_ = false;
  AlignedBuffer int8_;
  AlignedBuffer bf16_;
  AlignedBuffer float_;
};

}  // namespace abstractllm::ops::cpu
