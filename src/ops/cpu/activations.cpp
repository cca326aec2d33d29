// Makes the forms of an input that kernels read.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/activations.h"

#include <algorithm>

#include "ops/cpu/dense_kernels.h"
#include "ops/cpu/int8_kernels.h"
#include "ops/cpu/panel_kernels.h"
#include "ops/cpu/panel_layout.h"

namespace abstractllm::ops::cpu {

void Activations::set(const float* x, std::int64_t rows, std::int64_t columns,
                      std::int64_t stride) {
  x_ = x;
  rows_ = rows;
  columns_ = columns;
  stride_ = stride;
  int8_planes_ = 0;
  has_bf16_ = false;
  has_float_ = false;
}

template <typename Function>
void Activations::for_each_block(ThreadPool& pool, Function function) const {
  const std::int64_t units = (rows_ + kMaxBlockRows - 1) / kMaxBlockRows;
  // A few microseconds of work each.
  const std::int64_t grain =
      std::max<std::int64_t>(1, 65536 / (columns_ * kMaxBlockRows));
  pool.parallel_for(
      units, grain, [&](std::int64_t begin, std::int64_t end, int) {
        std::int64_t row = begin * kMaxBlockRows;
        const std::int64_t stop = std::min(end * kMaxBlockRows, rows_);
        while (row < stop) {
          const int height = block_height(rows_ - row);
          function(row, height);
          row += height;
        }
      });
}

void Activations::quantise(ThreadPool& pool, int planes) {
  if (int8_planes_ == planes) return;
  int8_planes_ = 0;  // in case that there is no memory
  const std::int64_t row_bytes = round_up(columns_, kTileColumns) /
                                 kTileColumns * quantised_tile_bytes(planes);
  int8_.resize(static_cast<std::size_t>(rows_ * row_bytes));
  int8_planes_ = planes;
  auto* out = int8_.as<std::int8_t>();
  for_each_block(pool, [&](std::int64_t row, int height) {
    quantise_block(x_ + row * stride_, stride_, height, columns_, planes,
                   out + row * row_bytes);
  });
}

void Activations::round(ThreadPool& pool) {
  if (has_bf16_) return;
  const std::int64_t row_values = bf16_row_values();
  bf16_.resize(static_cast<std::size_t>(rows_ * row_values) *
               sizeof(std::uint16_t));
  auto* out = bf16_.as<std::uint16_t>();
  for_each_block(pool, [&](std::int64_t row, int height) {
    round_block(x_ + row * stride_, stride_, height, columns_,
                out + row * row_values);
  });
  has_bf16_ = true;
}

void Activations::interleave(ThreadPool& pool) {
  if (has_float_) return;
  float_.resize(static_cast<std::size_t>(rows_ * columns_) * sizeof(float));
  auto* out = float_.as<float>();
  for_each_block(pool, [&](std::int64_t row, int height) {
    float* block = out + row * columns_;
    for (int r = 0; r < height; ++r) {
      const float* from = x_ + (row + r) * stride_;
      for (std::int64_t c = 0; c < columns_; ++c) {
        block[c * height + r] = from[c];
      }
    }
  });
  has_float_ = true;
}

std::int64_t Activations::int8_row_bytes() const noexcept {
  const std::int64_t tiles = (columns_ + kTileColumns - 1) / kTileColumns;
  return tiles * quantised_tile_bytes(int8_planes_);
}

const std::int8_t* Activations::int8_block(std::int64_t row) const noexcept {
  return int8_.as<std::int8_t>() + row * int8_row_bytes();
}

std::int64_t Activations::bf16_row_values() const noexcept {
  return round_up(columns_, kTileColumns);
}

const std::uint16_t* Activations::bf16_block(std::int64_t row) const noexcept {
  return bf16_.as<std::uint16_t>() + row * bf16_row_values();
}

const float* Activations::float_block(std::int64_t row) const noexcept {
  return float_.as<float>() + row * columns_;
}

}  // namespace abstractllm::ops::cpu
