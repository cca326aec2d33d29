// Factors that give the rows or columns of a changed matrix their magnitudes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "ops/linear.h"

namespace abstractllm::ops {

/// Rows `first`, `first` + 1, ... of `base`, changed by up * down: (rank,
/// inputs) and (rows, rank).
struct ChangedMatrix {
  const Linear& base;
  int first = 0;
  std::span<const float> down;
  std::span<const float> up;
};

/// `magnitude` of each row over its length; there is one for each row.
std::vector<float> row_gains(std::span<const float> magnitude,
                             const ChangedMatrix& matrix);

/// Likewise of the columns.
std::vector<float> column_gains(std::span<const float> magnitude,
                                const ChangedMatrix& matrix);

}  // namespace abstractllm::ops
