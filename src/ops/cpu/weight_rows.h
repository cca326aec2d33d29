// Weights of a model file as a source of rows to pack.
// SPDX-License-Identifier: Apache-2.0

//   PackedMatrix q = PackedMatrix::pack(WeightRows(matrix), pool);
#pragma once

#include "io/weight_matrix.h"
#include "ops/cpu/row_source.h"

namespace abstractllm::ops::cpu {

/// An io::WeightMatrix as it is; dense types other than f16 and bf16 are
/// widened to f32, and with `exact` all that those would round. Immutable.
class WeightRows final : public RowSource {
 public:
  explicit WeightRows(io::WeightMatrix matrix, bool exact = false)
      : matrix_(std::move(matrix)), exact_(exact) {}

  WeightShape shape() const override;
  void read_row(std::int64_t row, float* values) const override;
  const std::byte* stored_row(std::int64_t row) const override;
  void forget_rows(std::int64_t first, std::int64_t count) const override;
  void read_codes(std::int64_t row, std::uint8_t* codes, float* scales,
                  float* biases) const override;

 private:
  io::WeightMatrix matrix_;
  bool exact_;
};

}  // namespace abstractllm::ops::cpu
