// Rows of base + up * down, scaled to their magnitudes.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapted_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
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
    base_.read_row(row, out);
    const std::int64_t expert = row / (change_.outputs / change_.experts);
    const std::int64_t rank = change_.rank;
    for (std::int64_t r = 0; r < rank; ++r) {
      const float factor = change_.up[std::size_t(row * rank + r)];
      const float* down =
          &change_.down[std::size_t((expert * rank + r) * change_.inputs)];
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += factor * down[i];
    }
    if (change_.magnitude.empty()) return;
    double square = 0;
    for (const float value : out) square += double{value} * value;
    const auto gain = static_cast<float>(change_.magnitude[std::size_t(row)] /
                                         std::sqrt(square));
    for (float& value : out) value *= gain;
  }

 private:
  WeightMatrix base_;
  const LowRankChange& change_;
};

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
  if (change.inputs_first) {
    throw UnsupportedOperationError(
        fmt::format("[adapter] {}: '{}' is stored with the inputs first, which "
                    "an adapter cannot become part of",
                    adapter.path().string(), change.module),
        "Give the adapter with the request or the model instead.");
  }
  if (change.outputs != base.rows() || change.inputs != base.columns()) {
    throw_misfit(adapter, change, base.rows(), base.columns());
  }
  return WeightMatrix::computed({.name = base.name(),
                                 .leading_shape = base.leading_shape(),
                                 .columns = base.columns(),
                                 .bits = 32,
                                 .element_type = StorageType::kF32,
                                 .stored_bytes = base.stored_bytes()},
                                std::make_shared<AdaptedRows>(base, change));
}

}  // namespace abstractllm::io
