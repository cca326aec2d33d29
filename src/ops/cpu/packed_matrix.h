// A weight matrix in the layout that the CPU kernels stream.
// SPDX-License-Identifier: Apache-2.0

//   PackedMatrix q = PackedMatrix::pack(source, pool);
//   linear(pool, activations, {{.weights = &q, .y = out}});   // linear.h
//   q.gather_rows(ids, rows);                                 // embedding
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "ops/cpu/aligned_buffer.h"
#include "ops/cpu/panel_layout.h"
#include "ops/cpu/row_source.h"
#include "ops/cpu/thread_pool.h"

namespace abstractllm::ops::cpu {

/// Memory that many matrices are packed into, one after the other: large pages
/// save address look-ups when weights of a few hundred kilobytes stream by. The
/// matrices keep it alive. One thread at a time.
class WeightArena {
 public:
  /// `bytes` at a multiple of 64. Throws MemoryExceededError.
  std::shared_ptr<std::byte> take(std::size_t bytes);

  /// What take() returned last for `bytes` may be handed out again; of anything
  /// else nothing happens.
  void give_back(const std::shared_ptr<std::byte>& memory, std::size_t bytes);

 private:
  std::shared_ptr<AlignedBuffer> slab_;
  std::size_t used_ = 0;
};

struct PackOptions {
  /// Scales and biases that no 16-bit type holds exactly (those of GGUF's
  /// K-quants are products) are rounded to f16, at most 2^-11 of their value
  /// off, instead of taking 32 bits each.
  bool round_scales = true;
  /// Where to put the weights; null: memory of their own.
  WeightArena* arena = nullptr;
};

/// Weights [rows (outputs), columns (inputs)], packed once: codes keep their
/// bits, dense weights of f32, f16 and bf16 their type, and scales are as
/// narrow as they allow; what a file has in scales of scales takes 16 bits
/// each. Immutable; copies share the weights; may be read by any number of
/// threads.
class PackedMatrix {
 public:
  PackedMatrix() = default;

  /// Reads and packs all rows on the pool. Throws ModelLoadingError if the
  /// shape is not one the kernels know, MemoryExceededError, and what the
  /// source throws.
  static PackedMatrix pack(const RowSource& source, ThreadPool& pool,
                           PackOptions options = {});

  std::int64_t rows() const noexcept { return layout_.shape.rows; }
  std::int64_t columns() const noexcept { return layout_.shape.columns; }
  const PanelLayout& layout() const noexcept { return layout_; }

  /// Bytes of memory held.
  std::int64_t bytes() const noexcept { return layout_.bytes(); }

  /// The 16 rows from row 16 * `index` on; rows past the end are zeros.
  const std::uint8_t* panel(std::int64_t index) const noexcept {
    return reinterpret_cast<const std::uint8_t*>(data_.get()) +
           index * layout_.panel_bytes;
  }

  /// Where the weights end: those of the matrix packed next may follow.
  const std::uint8_t* end() const noexcept {
    return panel(layout_.panel_count);
  }

  /// Decodes rows `ids` into `out` [ids.size(), columns()].
  /// REQUIRES: 0 <= id < rows().
  void gather_rows(std::span<const std::int32_t> ids, float* out) const;

 private:
  PanelLayout layout_;
  std::shared_ptr<std::byte> data_;
};

}  // namespace abstractllm::ops::cpu
