// One of the two factors of an adapter's change, as it is stored.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "io/stored_tensor.h"

namespace abstractllm::io {

/// Matrices of one size, one after the other.
struct AdapterFactor {
  std::int64_t experts = 1;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<float> values;
};

/// The elements of `tensor`, (rows, columns) or (experts, rows, columns),
/// widened. Throws ModelLoadingError for other shapes and other types.
AdapterFactor read_factor(const StoredTensor& tensor);

/// Each expert's matrix turned over.
AdapterFactor transposed(const AdapterFactor& factor);

/// PEFT's second factor of all experts, (outputs, rank * experts) with the
/// experts running fastest, as (experts, outputs, rank). REQUIRES: `experts`
/// divides the columns.
AdapterFactor divided_by_experts(const AdapterFactor& factor,
                                 std::int64_t experts);

/// `count` numbers in one row. Throws ModelLoadingError naming `what` if there
/// are others.
std::vector<float> read_numbers(const StoredTensor& tensor, std::int64_t count,
                                const char* what);

}  // namespace abstractllm::io
