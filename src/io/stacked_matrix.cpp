// Rows of several matrices under one number.
// SPDX-License-Identifier: Apache-2.0
#include "io/stacked_matrix.h"

#include <algorithm>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::io {

namespace {

class StackedRows : public ComputedRows {
 public:
  explicit StackedRows(std::vector<WeightMatrix> parts)
      : parts_(std::move(parts)) {}

  void read_row(std::int64_t row, std::span<float> out) const override {
    const WeightMatrix& part = part_of(row);
    part.read_row(row, out);
  }

  void read_row_affine(std::int64_t row, std::span<std::uint8_t> codes,
                       std::span<float> scales,
                       std::span<float> biases) const override {
    const WeightMatrix& part = part_of(row);
    part.read_row_affine(row, codes, scales, biases);
  }

 private:
  // Makes `row` the row of that part.
  const WeightMatrix& part_of(std::int64_t& row) const {
    auto part = parts_.begin();
    for (; row >= part->rows(); ++part) row -= part->rows();
    return *part;
  }

  std::vector<WeightMatrix> parts_;
};

bool packed_alike(const WeightMatrix& a, const WeightMatrix& b) {
  return a.encoding() == WeightEncoding::kAffine &&
         b.encoding() == WeightEncoding::kAffine && a.bits() == b.bits() &&
         a.group_size() == b.group_size();
}

bool is_float(StorageType type) {
  return type == StorageType::kF32 || type == StorageType::kF16 ||
         type == StorageType::kBF16;
}

}  // namespace

WeightMatrix stack_matrices(std::vector<WeightMatrix> parts) {
  const WeightMatrix& first = parts.front();
  WeightMatrix::ComputedLayout layout{.name = first.name(),
                                      .leading_shape = {0},
                                      .columns = first.columns(),
                                      .encoding = WeightEncoding::kAffine,
                                      .bits = first.bits(),
                                      .group_size = first.group_size(),
                                      .element_type = first.stored_type()};
  for (const WeightMatrix& part : parts) {
    if (part.columns() != layout.columns) {
      throw ModelLoadingError("[weights] '" + part.name() + "' has " +
                              std::to_string(part.columns()) +
                              " columns, expected those of '" + first.name() +
                              "', " + std::to_string(layout.columns));
    }
    layout.leading_shape[0] += part.rows();
    layout.stored_bytes += part.stored_bytes();
    if (!packed_alike(first, part)) layout.encoding = WeightEncoding::kDense;
    if (!is_float(part.stored_type()) ||
        part.stored_type() != layout.element_type) {
      layout.element_type = StorageType::kF32;
    }
  }
  if (layout.encoding == WeightEncoding::kDense) {
    layout.bits = 0;
    layout.group_size = 0;
  }
  return WeightMatrix::computed(
      layout, std::make_shared<const StackedRows>(std::move(parts)));
}

}  // namespace abstractllm::io
