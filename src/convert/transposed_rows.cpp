// Blocks are turned over when the first of their rows is read.
// SPDX-License-Identifier: Apache-2.0
#include "convert/transposed_rows.h"

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "abstractllm/error.h"

namespace abstractllm::convert {
namespace {

class TransposedRows final : public io::ComputedRows {
 public:
  TransposedRows(const io::WeightMatrix& matrix, std::int64_t blocks)
      : matrix_(matrix), inputs_(matrix.rows() / blocks) {}

  void read_row(std::int64_t row, std::span<float> out) const override {
    const std::int64_t outputs = matrix_.columns();
    const std::int64_t block = row / outputs;
    const std::lock_guard lock(mutex_);
    if (block != held_) hold(block);
    const float* from = values_.data() + row % outputs;
    for (std::int64_t i = 0; i < inputs_; ++i) {
      out[static_cast<std::size_t>(i)] = from[i * outputs];
    }
  }

 private:
  void hold(std::int64_t block) const {
    const auto outputs = static_cast<std::size_t>(matrix_.columns());
    values_.resize(static_cast<std::size_t>(inputs_) * outputs);
    for (std::int64_t i = 0; i < inputs_; ++i) {
      matrix_.read_row(block * inputs_ + i,
                       std::span(values_).subspan(
                           static_cast<std::size_t>(i) * outputs, outputs));
    }
    held_ = block;
  }

  io::WeightMatrix matrix_;
  std::int64_t inputs_;
  mutable std::mutex mutex_;
  mutable std::int64_t held_ = -1;     // guarded by mutex_
  mutable std::vector<float> values_;  // of `held_`; guarded by mutex_
};

}  // namespace

io::WeightMatrix transposed(const io::WeightMatrix& matrix,
                            std::int64_t blocks) {
  if (blocks < 1 || matrix.rows() % blocks != 0) {
    throw ModelLoadingError("[convert] the " + std::to_string(matrix.rows()) +
                            " rows of '" + matrix.name() +
                            "' do not divide into " + std::to_string(blocks));
  }
  return io::WeightMatrix::computed(
      {.name = matrix.name(),
       .leading_shape = {blocks * matrix.columns()},
       .columns = matrix.rows() / blocks,
       .bits = 32,
       .stored_bytes = matrix.stored_bytes()},
      std::make_shared<TransposedRows>(matrix, blocks));
}

}  // namespace abstractllm::convert
