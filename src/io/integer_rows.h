// Rows of integer codes in the layouts of GPTQ, AWQ and compressed-tensors.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "io/stored_tensor.h"
#include "io/weight_matrix.h"

namespace abstractllm::io {

struct IntegerLayout {
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
  int bits = 0;
  std::int64_t stored_group = 0;  ///< columns that share scale and zero
  std::int64_t groups = 0;        ///< of a row; the last may be shorter
  /// Columns of the groups that read_row_affine gives; divides stored_group. 0:
  /// there are no such groups.
  int kernel_group = 0;
};

/// The group of each column.
class ColumnGroups {
 public:
  /// `order` (inputs): the groups of columns that were quantised in another
  /// order than they lie in; null: neighbours share a group. Throws
  /// ModelLoadingError for another type than I32 and for groups that there are
  /// not. REQUIRES: `order` has the shape (inputs).
  ColumnGroups(const IntegerLayout& layout, const StoredTensor* order);

  std::int64_t of(std::int64_t column) const {
    return order_.empty() ? column / stored_group_
                          : order_[static_cast<std::size_t>(column)];
  }
  /// Whether the columns of each group are neighbours.
  bool are_in_order() const { return in_order_; }

 private:
  std::int64_t stored_group_;
  std::vector<std::int32_t> order_;
  bool in_order_ = true;
};

/// w = scale * (code - zero). A kind says where code, scale and zero of an
/// element lie. The tensors' shapes have been checked.
class IntegerRows : public ComputedRows {
 public:
  explicit IntegerRows(const IntegerLayout& layout,
                       const StoredTensor* order = nullptr)
      : layout_(layout), groups_(layout, order) {}

  void read_row(std::int64_t row, std::span<float> out) const final;
  void read_row_affine(std::int64_t row, std::span<std::uint8_t> codes,
                       std::span<float> scales,
                       std::span<float> biases) const final;

  /// False where columns of a group are not neighbours.
  bool has_groups() const { return groups_.are_in_order(); }

 protected:
  struct Group {
    float scale = 0;
    float zero = 0;
  };
  virtual void read_codes(std::int64_t row,
                          std::span<std::uint8_t> codes) const = 0;
  virtual Group group(std::int64_t row, std::int64_t index) const = 0;

  const IntegerLayout layout_;

 private:
  const ColumnGroups groups_;
};

/// qweight (inputs * bits / 32, outputs): the codes of a column of it follow
/// each other from the lowest bit up; qzeros (groups, outputs * bits / 32);
/// scales (groups, outputs); g_idx (inputs), the group of each input, or null.
class GptqRows final : public IntegerRows {
 public:
  /// `zeros_less_one`: the first version of the format.
  GptqRows(const IntegerLayout& layout, const StoredTensor& weight,
           const StoredTensor& scales, const StoredTensor& zeros,
           const StoredTensor* order, bool zeros_less_one);

 protected:
  void read_codes(std::int64_t row,
                  std::span<std::uint8_t> codes) const override;
  Group group(std::int64_t row, std::int64_t index) const override;

 private:
  StoredTensor weight_;
  StoredTensor scales_;
  StoredTensor zeros_;
  bool zeros_less_one_;
};

/// qweight (inputs, outputs / 8), qzeros (groups, outputs / 8): the eight codes
/// of a word are outputs 0, 2, 4, 6, 1, 3, 5, 7; scales (groups, outputs).
class AwqRows final : public IntegerRows {
 public:
  AwqRows(const IntegerLayout& layout, const StoredTensor& weight,
          const StoredTensor& scales, const StoredTensor& zeros)
      : IntegerRows(layout), weight_(weight), scales_(scales), zeros_(zeros) {}

 protected:
  void read_codes(std::int64_t row,
                  std::span<std::uint8_t> codes) const override;
  Group group(std::int64_t row, std::int64_t index) const override;

 private:
  StoredTensor weight_;
  StoredTensor scales_;
  StoredTensor zeros_;
};

/// weight_packed (outputs, inputs * bits / 32), rows from the lowest bit up;
/// weight_scale (outputs, groups); weight_zero_point (outputs * bits / 32,
/// groups) packed down its columns, or null. Codes are signed numbers plus
/// 2^(bits - 1). weight_g_idx (inputs), the group of each input, or null.
class PackedIntegerRows final : public IntegerRows {
 public:
  PackedIntegerRows(const IntegerLayout& layout, const StoredTensor& weight,
                    const StoredTensor& scales, const StoredTensor* zeros,
                    const StoredTensor* order);

 protected:
  void read_codes(std::int64_t row,
                  std::span<std::uint8_t> codes) const override;
  Group group(std::int64_t row, std::int64_t index) const override;

 private:
  StoredTensor weight_;
  StoredTensor scales_;
  StoredTensor zeros_;
  bool has_zeros_;
};

/// weight (outputs, inputs) of signed bytes; weight_scale (outputs, groups) or
/// one for all; weight_zero_point of the same shape in signed bytes, or null.
class Int8Rows final : public IntegerRows {
 public:
  Int8Rows(const IntegerLayout& layout, const StoredTensor& weight,
           const StoredTensor& scales, const StoredTensor* zeros);

 protected:
  void read_codes(std::int64_t row,
                  std::span<std::uint8_t> codes) const override;
  Group group(std::int64_t row, std::int64_t index) const override;

 private:
  StoredTensor weight_;
  StoredTensor scales_;
  StoredTensor zeros_;
  bool has_zeros_;
};

/// BitNet's weight (outputs / 4, inputs): stored row r holds row r, r +
/// outputs / 4, ... in two bits each from the lowest on, codes 0 to 2 for -1 to
/// 1; weight_scale of one number, by which they are multiplied or divided.
class TernaryRows final : public IntegerRows {
 public:
  TernaryRows(const IntegerLayout& layout, const StoredTensor& weight,
              const StoredTensor& scale, bool divides);

 protected:
  void read_codes(std::int64_t row,
                  std::span<std::uint8_t> codes) const override;
  Group group(std::int64_t row, std::int64_t index) const override;

 private:
  StoredTensor weight_;
  float scale_;
};

/// A dense matrix rounded as BitNet's training does: to -1, 0 and 1 times the
/// mean of all absolute values.
class RoundedRows final : public IntegerRows {
 public:
  RoundedRows(const IntegerLayout& layout, WeightMatrix matrix);

 protected:
  void read_codes(std::int64_t row,
                  std::span<std::uint8_t> codes) const override;
  Group group(std::int64_t row, std::int64_t index) const override;

 private:
  WeightMatrix matrix_;
  float mean_;
};

}  // namespace abstractllm::io
