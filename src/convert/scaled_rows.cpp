// Each row is multiplied when it is read.
// SPDX-License-Identifier: Apache-2.0
#include "convert/scaled_rows.h"

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::convert {
namespace {

class ScaledRows final : public io::ComputedRows {
 public:
  ScaledRows(io::WeightMatrix matrix, std::vector<float> factors)
      : matrix_(std::move(matrix)), factors_(std::move(factors)) {}

  void read_row(std::int64_t row, std::span<float> out) const override {
    matrix_.read_row(row, out);
    const float factor = factors_.size() == 1
                             ? factors_[0]
                             : factors_[static_cast<std::size_t>(row)];
    for (float& value : out) value *= factor;
  }

 private:
  io::WeightMatrix matrix_;
  std::vector<float> factors_;
};

}  // namespace

io::WeightMatrix scaled(const io::WeightMatrix& matrix,
                        std::vector<float> factors) {
  if (factors.size() != 1 &&
      factors.size() != static_cast<std::size_t>(matrix.rows())) {
    throw ModelLoadingError("[convert] '" + matrix.name() + "' has " +
                                std::to_string(matrix.rows()) +
                                " rows, of which config.json describes " +
                                std::to_string(factors.size()),
                            "The file does not fit its config.json.");
  }
  const bool is_number =
      matrix.encoding() == io::WeightEncoding::kDense &&
      io::storage_traits(matrix.stored_type()).block_elements == 1;
  return io::WeightMatrix::computed(
      {.name = matrix.name(),
       .leading_shape = {matrix.rows()},
       .columns = matrix.columns(),
       .bits = 32,
       .element_type = is_number ? matrix.stored_type() : io::StorageType::kF32,
       .stored_bytes = matrix.stored_bytes()},
      std::make_shared<ScaledRows>(matrix, std::move(factors)));
}

}  // namespace abstractllm::convert
