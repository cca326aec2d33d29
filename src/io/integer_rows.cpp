// Codes, scales and zeros in their places.
// SPDX-License-Identifier: Apache-2.0
#include "io/integer_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "abstractllm/error.h"
#include "io/block_decoders.h"

namespace abstractllm::io {
namespace {

std::uint32_t word_at(const StoredTensor& tensor, std::int64_t index) {
  std::uint32_t word;
  std::memcpy(&word, tensor.bytes.data() + index * 4, sizeof(word));
  return word;
}

// Code `index` of a stream of words that lie `stride` apart from `first` on.
std::uint8_t code_at(const StoredTensor& tensor, std::int64_t first,
                     std::int64_t stride, std::int64_t index, int bits) {
  const std::int64_t bit = index * bits;
  const std::int64_t word = bit / 32;
  const int shift = static_cast<int>(bit % 32);
  std::uint64_t both = word_at(tensor, first + word * stride);
  if (shift + bits > 32) {
    both |= std::uint64_t{word_at(tensor, first + (word + 1) * stride)} << 32;
  }
  return static_cast<std::uint8_t>(both >> shift & ((1u << bits) - 1));
}

float number_at(const StoredTensor& tensor, std::int64_t index) {
  float value = 0;
  widen_elements(
      tensor.type,
      tensor.bytes.data() + index * storage_traits(tensor.type).block_bytes, 1,
      &value);
  return value;
}

void expect_numbers(const StoredTensor& tensor) {
  if (tensor.type == StorageType::kF32 || tensor.type == StorageType::kF16 ||
      tensor.type == StorageType::kBF16) {
    return;
  }
  throw ModelLoadingError(fmt::format("[weights] {}: expected F32, F16 or BF16",
                                      tensor.describe()));
}

// Which output the four bits from 4 i on of a word of AWQ are, turned over:
// where output i lies.
constexpr int kAwqPlace[8] = {0, 4, 1, 5, 2, 6, 3, 7};

}  // namespace

ColumnGroups::ColumnGroups(const IntegerLayout& layout,
                           const StoredTensor* order)
    : stored_group_(layout.stored_group) {
  if (order == nullptr) return;
  if (order->type != StorageType::kI32) {
    throw ModelLoadingError(
        fmt::format("[weights] {}: expected type I32", order->describe()));
  }
  const std::int64_t groups = layout.groups;
  for (std::int64_t i = 0; i < layout.inputs; ++i) {
    const auto group = static_cast<std::int32_t>(word_at(*order, i));
    if (group < 0 || group >= groups) {
      throw ModelLoadingError(fmt::format("[weights] {}: group {} of {}",
                                          order->describe(), group, groups));
    }
    in_order_ = in_order_ && group == i / stored_group_;
    order_.push_back(group);
  }
}

void IntegerRows::read_row(std::int64_t row, std::span<float> out) const {
  std::vector<std::uint8_t> codes(out.size());
  read_codes(row, codes);
  std::int64_t known = -1;
  Group current;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t index = groups_.of(static_cast<std::int64_t>(i));
    if (index != known) current = group(row, known = index);
    out[i] = current.scale * (static_cast<float>(codes[i]) - current.zero);
  }
}

void IntegerRows::read_row_affine(std::int64_t row,
                                  std::span<std::uint8_t> codes,
                                  std::span<float> scales,
                                  std::span<float> biases) const {
  read_codes(row, codes);
  const std::int64_t share = layout_.stored_group / layout_.kernel_group;
  for (std::size_t g = 0; g < scales.size(); ++g) {
    const Group stored = group(row, static_cast<std::int64_t>(g) / share);
    scales[g] = stored.scale;
    biases[g] = -stored.zero * stored.scale;
  }
}

GptqRows::GptqRows(const IntegerLayout& layout, const StoredTensor& weight,
                   const StoredTensor& scales, const StoredTensor& zeros,
                   const StoredTensor* order, bool zeros_less_one)
    : IntegerRows(layout, order),
      weight_(weight),
      scales_(scales),
      zeros_(zeros),
      zeros_less_one_(zeros_less_one) {
  expect_numbers(scales);
}

void GptqRows::read_codes(std::int64_t row,
                          std::span<std::uint8_t> codes) const {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] = code_at(weight_, row, layout_.outputs,
                       static_cast<std::int64_t>(i), layout_.bits);
  }
}

IntegerRows::Group GptqRows::group(std::int64_t row, std::int64_t index) const {
  const int stored =
      code_at(zeros_, index * zeros_.shape[1], 1, row, layout_.bits);
  // In the first version the largest zero wraps around.
  const int zero =
      zeros_less_one_ ? (stored + 1) & ((1 << layout_.bits) - 1) : stored;
  return {number_at(scales_, index * layout_.outputs + row),
          static_cast<float>(zero)};
}

void AwqRows::read_codes(std::int64_t row,
                         std::span<std::uint8_t> codes) const {
  const std::int64_t words = layout_.outputs / 8;
  const int shift = 4 * kAwqPlace[row % 8];
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const auto column = static_cast<std::int64_t>(i);
    codes[i] = static_cast<std::uint8_t>(
        word_at(weight_, column * words + row / 8) >> shift & 15);
  }
}

IntegerRows::Group AwqRows::group(std::int64_t row, std::int64_t index) const {
  const std::uint32_t word =
      word_at(zeros_, index * (layout_.outputs / 8) + row / 8);
  return {number_at(scales_, index * layout_.outputs + row),
          static_cast<float>(word >> (4 * kAwqPlace[row % 8]) & 15)};
}

PackedIntegerRows::PackedIntegerRows(const IntegerLayout& layout,
                                     const StoredTensor& weight,
                                     const StoredTensor& scales,
                                     const StoredTensor* zeros,
                                     const StoredTensor* order)
    : IntegerRows(layout, order),
      weight_(weight),
      scales_(scales),
      zeros_(zeros != nullptr ? *zeros : StoredTensor{}),
      has_zeros_(zeros != nullptr) {
  expect_numbers(scales);
}

void PackedIntegerRows::read_codes(std::int64_t row,
                                   std::span<std::uint8_t> codes) const {
  const std::int64_t first = row * weight_.shape[1];
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] =
        code_at(weight_, first, 1, static_cast<std::int64_t>(i), layout_.bits);
  }
}

IntegerRows::Group PackedIntegerRows::group(std::int64_t row,
                                            std::int64_t index) const {
  const std::int64_t groups = layout_.groups;
  const int zero = has_zeros_
                       ? code_at(zeros_, index, groups, row, layout_.bits)
                       : 1 << (layout_.bits - 1);
  return {number_at(scales_, row * groups + index), static_cast<float>(zero)};
}

Int8Rows::Int8Rows(const IntegerLayout& layout, const StoredTensor& weight,
                   const StoredTensor& scales, const StoredTensor* zeros)
    : IntegerRows(layout),
      weight_(weight),
      scales_(scales),
      zeros_(zeros != nullptr ? *zeros : StoredTensor{}),
      has_zeros_(zeros != nullptr) {
  expect_numbers(scales);
}

void Int8Rows::read_codes(std::int64_t row,
                          std::span<std::uint8_t> codes) const {
  const std::byte* bytes = weight_.bytes.data() + row * layout_.inputs;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] = std::to_integer<std::uint8_t>(bytes[i]) ^ 0x80;
  }
}

IntegerRows::Group Int8Rows::group(std::int64_t row, std::int64_t index) const {
  const std::int64_t place =
      scales_.element_count() == 1 ? 0 : row * layout_.groups + index;
  const int zero =
      has_zeros_ ? static_cast<std::int8_t>(zeros_.bytes[std::size_t(place)])
                 : 0;
  return {number_at(scales_, place), static_cast<float>(128 + zero)};
}

TernaryRows::TernaryRows(const IntegerLayout& layout,
                         const StoredTensor& weight, const StoredTensor& scale,
                         bool divides)
    : IntegerRows(layout), weight_(weight) {
  expect_numbers(scale);
  const float stored = number_at(scale, 0);
  scale_ = divides ? 1.0f / stored : stored;
}

void TernaryRows::read_codes(std::int64_t row,
                             std::span<std::uint8_t> codes) const {
  const std::int64_t stored = layout_.outputs / 4;
  const std::byte* bytes = weight_.bytes.data() + row % stored * layout_.inputs;
  const auto shift = static_cast<int>(2 * (row / stored));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] = std::to_integer<std::uint8_t>(bytes[i] >> shift) & 3;
  }
}

IntegerRows::Group TernaryRows::group(std::int64_t /*row*/,
                                      std::int64_t /*index*/) const {
  return {scale_, 1.0f};
}

RoundedRows::RoundedRows(const IntegerLayout& layout, WeightMatrix matrix)
    : IntegerRows(layout), matrix_(std::move(matrix)) {
  constexpr double kLeastMean = 1e-5;
  std::vector<float> values(static_cast<std::size_t>(layout.inputs));
  double sum = 0;
  for (std::int64_t row = 0; row < layout.outputs; ++row) {
    matrix_.read_row(row, values);
    for (const float value : values) sum += std::abs(value);
  }
  const double count =
      static_cast<double>(layout.outputs) * static_cast<double>(layout.inputs);
  mean_ = static_cast<float>(std::max(sum / count, kLeastMean));
}

void RoundedRows::read_codes(std::int64_t row,
                             std::span<std::uint8_t> codes) const {
  std::vector<float> values(codes.size());
  matrix_.read_row(row, values);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const float rounded = std::nearbyint(values[i] / mean_);
    codes[i] =
        static_cast<std::uint8_t>(std::clamp(rounded, -1.0f, 1.0f) + 1.0f);
  }
}

IntegerRows::Group RoundedRows::group(std::int64_t /*row*/,
                                      std::int64_t /*index*/) const {
  return {mean_, 1.0f};
}

}  // namespace abstractllm::io
