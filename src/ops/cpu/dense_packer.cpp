// Rows of dense weights, interleaved.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/dense_packer.h"

#include <algorithm>
#include <cstring>

#include "ops/cpu/half.h"

namespace abstractllm::ops::cpu {
namespace {

constexpr int value_bytes(WeightEncoding encoding) {
  return encoding == WeightEncoding::kF32 ? 4 : 2;
}

using Rows = std::array<const std::byte*, kPanelRows>;
using Words = std::uint32_t __attribute__((vector_size(16)));
constexpr std::int64_t kWords = 4;  // of a vector

Words load_words(const std::byte* from) {
  Words words;
  std::memcpy(&words, from, sizeof(words));
  return words;
}

// Four words of four rows, to `out[word][row]` with 16 rows a word.
void transpose(const std::byte* const* rows, std::int64_t offset,
               std::byte* out) {
  const Words a = load_words(rows[0] + offset);
  const Words b = load_words(rows[1] + offset);
  const Words c = load_words(rows[2] + offset);
  const Words d = load_words(rows[3] + offset);
  const Words ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Words ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Words cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Words cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Words columns[kWords] = {
      __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
      __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
      __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
      __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
  for (std::int64_t i = 0; i < kWords; ++i) {
    std::memcpy(out + i * kLineBytes, &columns[i], sizeof(Words));
  }
}

// Writes `units` of kBytes of 16 rows from `first` on as `panel[unit][row]`. A
// line of each row at a time: rows are often a power of two apart and would
// drive each other out of the cache.
template <int kBytes>
void interleave(const Rows& rows, std::int64_t first, std::int64_t units,
                std::byte* panel) {
  constexpr std::int64_t kAtOnce = kLineBytes / kBytes;
  for (; first < units; first += kAtOnce) {
    const std::int64_t end = std::min(first + kAtOnce, units);
    for (int r = 0; r < kPanelRows; ++r) {
      const std::byte* row = rows[static_cast<std::size_t>(r)];
      for (std::int64_t u = first; u < end; ++u) {
        std::memcpy(panel + (u * kPanelRows + r) * kBytes, row + u * kBytes,
                    kBytes);
      }
    }
  }
}

void interleave_words(const Rows& rows, std::int64_t units, std::byte* panel) {
  std::int64_t unit = 0;
  for (; unit + kPanelRows <= units; unit += kPanelRows) {
    for (int r = 0; r < kPanelRows; r += 4) {
      for (std::int64_t u = unit; u < unit + kPanelRows; u += kWords) {
        transpose(&rows[static_cast<std::size_t>(r)], 4 * u,
                  panel + (u * kPanelRows + r) * 4);
      }
    }
  }
  interleave<4>(rows, unit, units, panel);
}

}  // namespace

DensePacker::DensePacker(const RowSource& source, const WeightShape& shape)
    : source_(source),
      shape_(shape),
      row_bytes_(shape.columns * value_bytes(shape.encoding)),
      values_(static_cast<std::size_t>(shape.columns)),
      converted_(static_cast<std::size_t>(row_bytes_ * kPanelRows)),
      zeros_(static_cast<std::size_t>(row_bytes_)) {}

void DensePacker::pack(std::int64_t panel, std::byte* out) {
  Rows rows;
  for (int r = 0; r < kPanelRows; ++r) {
    const std::int64_t row = panel * kPanelRows + r;
    rows[static_cast<std::size_t>(r)] =
        row < shape_.rows ? find_row(row, r) : zeros_.data();
  }
  switch (shape_.encoding) {
    case WeightEncoding::kF32:
      interleave_words(rows, shape_.columns, out);
      break;
    case WeightEncoding::kF16:
      interleave<2>(rows, 0, shape_.columns, out);
      break;
    default:  // pairs of columns
      interleave_words(rows, shape_.columns / 2, out);
  }
  if (shape_.columns % 2 != 0) complete_pair(rows, out);
}

const std::byte* DensePacker::find_row(std::int64_t row, int place) {
  if (const std::byte* stored = source_.stored_row(row)) return stored;
  source_.read_row(row, values_.data());
  std::byte* out = converted_.data() + place * row_bytes_;
  if (shape_.encoding == WeightEncoding::kF32) {
    std::memcpy(out, values_.data(), static_cast<std::size_t>(row_bytes_));
    return out;
  }
  const bool f16 = shape_.encoding == WeightEncoding::kF16;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const std::uint16_t half =
        f16 ? float_to_f16(values_[i]) : float_to_bf16(values_[i]);
    std::memcpy(out + 2 * i, &half, 2);
  }
  return out;
}

// The column behind the last one, which completes a pair, is zeros.
void DensePacker::complete_pair(const Rows& rows, std::byte* out) const {
  const std::int64_t column_bytes = kPanelRows * value_bytes(shape_.encoding);
  std::byte* pair = out + (shape_.columns - 1) * column_bytes;
  if (shape_.encoding != WeightEncoding::kBF16) {
    std::memset(pair + column_bytes, 0, static_cast<std::size_t>(column_bytes));
    return;
  }
  std::memset(pair, 0, static_cast<std::size_t>(2 * column_bytes));
  for (int r = 0; r < kPanelRows; ++r) {
    std::memcpy(pair + 4 * r,
                rows[static_cast<std::size_t>(r)] + row_bytes_ - 2, 2);
  }
}

}  // namespace abstractllm::ops::cpu
