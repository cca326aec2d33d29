// Rows of a model file, for packing.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/weight_rows.h"

#include <bit>
#include <cstddef>
#include <vector>

namespace abstractllm::ops::cpu {
namespace {

WeightEncoding encoding_of(const io::WeightMatrix& matrix) {
  switch (matrix.encoding()) {
    case io::WeightEncoding::kAffine:
      return WeightEncoding::kAffine;
    case io::WeightEncoding::kMxfp4:
      return WeightEncoding::kMxfp4;
    case io::WeightEncoding::kDense:
      break;
  }
  switch (matrix.stored_type()) {
    case io::StorageType::kF16:
      return WeightEncoding::kF16;
    case io::StorageType::kBF16:
      return WeightEncoding::kBF16;
    default:
      return WeightEncoding::kF32;
  }
}

float e8m0_to_float(std::uint8_t exponent) {
  return std::bit_cast<float>(exponent == 0 ? 0x00400000u
                                            : std::uint32_t{exponent} << 23);
}

}  // namespace

WeightShape WeightRows::shape() const {
  const bool rounds = exact_ && matrix_.is_rounded();
  const WeightEncoding encoding =
      rounds ? WeightEncoding::kF32 : encoding_of(matrix_);
  const bool quantised = matrix_.encoding() != io::WeightEncoding::kDense;
  return {.rows = matrix_.rows(),
          .columns = matrix_.columns(),
          .encoding = encoding,
          .bits = quantised ? matrix_.bits() : 0,
          .group = quantised ? matrix_.group_size() : 0};
}

void WeightRows::read_row(std::int64_t row, float* values) const {
  matrix_.read_row(row, {values, static_cast<std::size_t>(matrix_.columns())});
}

const std::byte* WeightRows::stored_row(std::int64_t row) const {
  const io::StorageType type = matrix_.stored_type();
  const bool as_it_is =
      matrix_.encoding() == io::WeightEncoding::kDense &&
      (type == io::StorageType::kF16 || type == io::StorageType::kBF16 ||
       type == io::StorageType::kF32);
  return as_it_is ? matrix_.stored_row(row).data() : nullptr;
}

void WeightRows::forget_rows(std::int64_t first, std::int64_t count) const {
  matrix_.slice_rows(first, count).advise_dontneed();
}

void WeightRows::read_codes(std::int64_t row, std::uint8_t* codes,
                            float* scales, float* biases) const {
  const auto columns = static_cast<std::size_t>(matrix_.columns());
  const std::size_t groups =
      columns / static_cast<std::size_t>(matrix_.group_size());
  if (matrix_.encoding() == io::WeightEncoding::kAffine) {
    matrix_.read_row_affine(row, {codes, columns}, {scales, groups},
                            {biases, groups});
    return;
  }
  std::vector<std::uint8_t> exponents(groups);
  matrix_.read_row_mxfp4(row, {codes, columns}, exponents);
  for (std::size_t g = 0; g < groups; ++g) {
    scales[g] = e8m0_to_float(exponents[g]);
  }
}

}  // namespace abstractllm::ops::cpu
