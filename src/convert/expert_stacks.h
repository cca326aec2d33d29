// Matrices of experts, single or in a stack: their names, shapes and rows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/weight_source.h"

namespace abstractllm::convert {

/// Rows of a matrix, as WeightMatrix::permute_rows takes them.
using Order = std::vector<std::int32_t>;

/// "model.layers.0.mlp.experts.7.up_proj" in parts.
struct Expert {
  std::string before;  ///< "model.layers.0.mlp"
  int index;
  std::string name;
};

/// Nothing if `module` is not of a single expert.
std::optional<Expert> parse_expert(std::string_view module);

/// mlx-lm's name of what Mixtral calls w1, w2 and w3; any other as it is.
std::string stacked_name(const std::string& name);

/// How many matrices of equally many rows `stack`, (experts, rows, columns),
/// is. Throws ModelLoadingError if it has another shape.
std::int64_t count_experts(const io::WeightMatrix& stack);

/// How many of `rows` outputs of `matrix` are gates, with as many that they
/// gate. Throws ModelLoadingError if they are odd.
std::int64_t half_of(const io::WeightMatrix& matrix, std::int64_t rows);

/// The matrices of `modules`. Throws ModelLoadingError if they differ in size.
std::vector<io::WeightMatrix> same_sized(
    const io::WeightSource& weights, const std::vector<std::string>& modules);

/// Rows first, first + step, ... of each block of `rows`, `count` a block.
Order rows_of_blocks(std::int64_t blocks, std::int64_t rows, std::int64_t first,
                     std::int64_t count, std::int64_t step = 1);

}  // namespace abstractllm::convert
