// Reading and turning of factors.
// SPDX-License-Identifier: Apache-2.0
#include "io/adapter_factor.h"

#include <fmt/format.h>

#include <utility>

#include "abstractllm/error.h"
#include "io/block_decoders.h"

namespace abstractllm::io {
namespace {

[[noreturn]] void fail(const StoredTensor& tensor, const std::string& what) {
  throw ModelLoadingError(
      fmt::format("[adapter] {}: {}", tensor.describe(), what));
}

}  // namespace

AdapterFactor read_factor(const StoredTensor& tensor) {
  const auto& shape = tensor.shape;
  if (shape.size() != 2 && shape.size() != 3) {
    fail(tensor, "expected a matrix");
  }
  const StorageTraits& traits = storage_traits(tensor.type);
  if (!traits.readable || traits.block_elements != 1) {
    fail(tensor, "expected floating-point numbers");
  }
  AdapterFactor factor{.experts = shape.size() == 3 ? shape[0] : 1,
                       .rows = shape[shape.size() - 2],
                       .columns = shape.back(),
                       .values = {}};
  if (tensor.element_count() == 0) fail(tensor, "has no elements");
  factor.values.resize(static_cast<std::size_t>(tensor.element_count()));
  widen_elements(tensor.type, tensor.bytes.data(), factor.values.size(),
                 factor.values.data());
  return factor;
}

AdapterFactor transposed(const AdapterFactor& factor) {
  AdapterFactor result = factor;
  std::swap(result.rows, result.columns);
  const std::int64_t size = factor.rows * factor.columns;
  for (std::int64_t e = 0; e < factor.experts; ++e) {
    for (std::int64_t i = 0; i < factor.rows; ++i) {
      for (std::int64_t j = 0; j < factor.columns; ++j) {
        result.values[std::size_t(e * size + j * factor.rows + i)] =
            factor.values[std::size_t(e * size + i * factor.columns + j)];
      }
    }
  }
  return result;
}

AdapterFactor divided_by_experts(const AdapterFactor& factor,
                                 std::int64_t experts) {
  AdapterFactor result = factor;
  result.experts = experts;
  result.columns = factor.columns / experts;
  const std::int64_t rank = result.columns;
  for (std::int64_t e = 0; e < experts; ++e) {
    for (std::int64_t i = 0; i < factor.rows; ++i) {
      for (std::int64_t r = 0; r < rank; ++r) {
        result.values[std::size_t((e * factor.rows + i) * rank + r)] =
            factor.values[std::size_t(i * factor.columns + r * experts + e)];
      }
    }
  }
  return result;
}

std::vector<float> read_numbers(const StoredTensor& tensor, std::int64_t count,
                                const char* what) {
  if (tensor.element_count() != count) {
    fail(tensor, fmt::format("expected {} {}", count, what));
  }
  StoredTensor row = tensor;
  row.shape = {1, count};
  return read_factor(row).values;
}

}  // namespace abstractllm::io
