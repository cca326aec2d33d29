// Rows of base + up * down, scaled to their magnitudes.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapted_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <memory>
#include <mutex>
#include <utility>

#include "abstractllm/error.h"
#include "base/nearest_names.h"

namespace abstractllm::io {
namespace {

class AdaptedRows final : public ComputedRows {
 public:
  AdaptedRows(WeightMatrix base, const LowRankChange& change)
      : base_(std::move(base)), change_(change) {}

  void read_row(std::int64_t row, std::span<float> out) const override {
    add(row, out);
    if (!change_.column_magnitude.empty()) {
      std::call_once(gains_known_, [this] { gains_ = column_gains(); });
      for (std::size_t i = 0; i < out.size(); ++i) out[i] *= gains_[i];
    }
    if (change_.magnitude.empty()) return;
    double square = 0;
    for (const float value : out) square += double{value} * value;
    const auto gain = static_cast<float>(change_.magnitude[std::size_t(row)] /
                                         std::sqrt(square));
    for (float& value : out) value *= gain;
  }

 private:
  void add(std::int64_t row, std::span<float> out) const {
    base_.read_row(row, out);
    const std::int64_t expert = row / (change_.outputs / change_.experts);
    const std::int64_t rank = change_.rank;
    for (std::int64_t r = 0; r < rank; ++r) {
      const float factor = change_.up[std::size_t(row * rank + r)];
      const float* down =
          &change_.down[std::size_t((expert * rank + r) * change_.inputs)];
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += factor * down[i];
    }
  }

  // Magnitudes over the lengths of the changed columns.
  std::vector<float> column_gains() const {
    const std::vector<float>& magnitude = change_.column_magnitude;
    std::vector<double> squares(magnitude.size());
    std::vector<float> values(magnitude.size());
    for (std::int64_t row = 0; row < base_.rows(); ++row) {
      add(row, values);
      for (std::size_t i = 0; i < values.size(); ++i) {
        squares[i] += double{values[i]} * values[i];
      }
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<float>(magnitude[i] / std::sqrt(squares[i]));
    }
    return values;
  }

  WeightMatrix base_;
  const LowRankChange& change_;
  mutable std::once_flag gains_known_;
  mutable std::vector<float> gains_;  // set once
};

// The change of a matrix as the same matrix with the inputs first has it.
LowRankChange turned_over(const LowRankChange& change) {
  const auto turn = [](const std::vector<float>& values, std::int64_t rows) {
    const std::size_t height = static_cast<std::size_t>(rows);
    const std::size_t width = values.size() / height;
    std::vector<float> turned(values.size());
    for (std::size_t i = 0; i < height; ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        turned[j * height + i] = values[i * width + j];
      }
    }
    return turned;
  };
  return {.module = change.module,
          .rank = change.rank,
          .outputs = change.inputs,
          .inputs = change.outputs,
          .down = turn(change.up, change.outputs),
          .up = turn(change.down, change.rank),
          .column_magnitude = change.magnitude};
}

// One expert's part of a change.
LowRankChange change_of_expert(const LowRankChange& change, std::int64_t e) {
  const std::int64_t outputs = change.outputs / change.experts;
  const auto part = [&](const std::vector<float>& values, std::int64_t count) {
    if (values.empty()) return std::vector<float>();
    const auto first = values.begin() + e * count;
    return std::vector<float>(first, first + count);
  };
  return {.module = change.module,
          .rank = change.rank,
          .outputs = outputs,
          .inputs = change.inputs,
          .down = part(change.down, change.rank * change.inputs),
          .up = part(change.up, outputs * change.rank),
          .magnitude = part(change.magnitude, outputs)};
}

// Rows of matrices with the inputs first, one after the other.
class TurnedRows final : public ComputedRows {
 public:
  TurnedRows(const WeightMatrix& base, const LowRankChange& change)
      : rows_of_expert_(change.inputs) {
    for (std::int64_t e = 0; e < change.experts; ++e) {
      experts_.push_back(std::make_unique<Expert>(
          base.slice_rows(e * change.inputs, change.inputs),
          turned_over(change_of_expert(change, e))));
    }
  }

  void read_row(std::int64_t row, std::span<float> out) const override {
    experts_[std::size_t(row / rows_of_expert_)]->rows.read_row(
        row % rows_of_expert_, out);
  }

 private:
  struct Expert {
    Expert(WeightMatrix base, LowRankChange own)
        : change(std::move(own)), rows(std::move(base), change) {}
    LowRankChange change;
    AdaptedRows rows;  // of `change`
  };
  std::int64_t rows_of_expert_;
  std::vector<std::unique_ptr<Expert>> experts_;
};

// Whether `base` has the inputs first; what only the config can say is whether
// a square one has.
bool lies_turned_over(const WeightMatrix& base, const LowRankChange& change) {
  const std::int64_t outputs = change.outputs / change.experts;
  return outputs == base.columns() &&
         change.experts * change.inputs == base.rows() &&
         (change.inputs_first || change.inputs != outputs);
}

}  // namespace

void throw_misfit(const AdapterFile& adapter, const LowRankChange& change,
                  std::int64_t outputs, std::int64_t inputs) {
  throw ModelLoadingError(
      fmt::format("[adapter] {}: module '{}' is changed by [{}, {}] (rank {}), "
                  "but the model has [{}, {}]",
                  adapter.path().string(), change.module, change.outputs,
                  change.inputs, change.rank, outputs, inputs),
      adapter.base().empty()
          ? "The adapter was made for another model."
          : fmt::format("The adapter was made for '{}'.", adapter.base()));
}

void throw_unknown_module(const AdapterFile& adapter, std::string_view module,
                          const std::vector<std::string>& known) {
  const auto nearest = base::nearest_names(module, known, 3);
  throw ModelLoadingError(
      fmt::format("[adapter] {}: changes '{}', which the model does not have; "
                  "nearest: {}",
                  adapter.path().string(), module,
                  nearest.empty()
                      ? "none"
                      : fmt::format("{}", fmt::join(nearest, ", "))),
      adapter.base().empty()
          ? "The adapter was made for another model."
          : fmt::format("The adapter was made for '{}'.", adapter.base()));
}

WeightMatrix adapted_matrix(const WeightMatrix& base,
                            const LowRankChange& change,
                            const AdapterFile& adapter) {
  const bool is_turned = lies_turned_over(base, change);
  if (!is_turned &&
      (change.outputs != base.rows() || change.inputs != base.columns())) {
    throw_misfit(adapter, change, base.rows(), base.columns());
  }
  std::shared_ptr<const ComputedRows> rows;
  if (is_turned) {
    rows = std::make_shared<TurnedRows>(base, change);
  } else {
    rows = std::make_shared<AdaptedRows>(base, change);
  }
  return WeightMatrix::computed({.name = base.name(),
                                 .leading_shape = base.leading_shape(),
                                 .columns = base.columns(),
                                 .bits = 32,
                                 .element_type = StorageType::kF32,
                                 .stored_bytes = base.stored_bytes()},
                                std::move(rows));
}

}  // namespace abstractllm::io
