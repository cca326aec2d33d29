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

  /// Makes the int8 form (int8_kernels.h) if it is not there. With two planes
  /// a row becomes two, one after the other: its rounded values and what the
  /// rounding left over; their sum has 15 bits.
  void quantise(ThreadPool& pool, int planes);
  /// Makes the float form, `[column][row of block]`, if it is not there.
  void interleave(ThreadPool& pool);

  /// Rows of the block that starts at `row`, itself the start of a block, of
  /// `rows` in all.
  static int block_height(std::int64_t row, std::int64_t rows) noexcept {
    const std::int64_t left = rows - row;
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
  }
  /// `row` counts the rows of all planes.
  const std::int8_t* int8_block(std::int64_t row) const noexcept;
  const float* float_block(std::int64_t row) const noexcept;

 private:
  template <typename Function>
  void for_each_block(ThreadPool& pool, std::int64_t rows,
                      Function function) const;
  void split_planes(ThreadPool& pool);

  const float* x_ = nullptr;
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  std::int64_t stride_ = 0;
  int int8_planes_ = 0;  // of the int8 form; 0: not made
  bool has_float_ = false;
  AlignedBuffer split_;  // f32, the planes of each row
  AlignedBuffer int8_;
  AlignedBuffer float_;
};

}  // namespace abstractllm::ops::cpu
