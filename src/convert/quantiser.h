// Rows of weights as MLX quantises or rounds them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>

#include "convert/plan.h"

namespace abstractllm::convert {

/// Gets the bytes of each tensor of a module, in the order of the plan, piece
/// by piece from the front.
using PieceSink =
    std::function<void(std::size_t tensor, std::span<const std::byte> bytes)>;

/// Computes `module` (a matrix or a vector) of `weights`, some rows at a time,
/// with mlx::core::quantize. Any thread.
void write_module(const io::WeightSource& weights, const PlannedModule& module,
                  const PieceSink& sink);

}  // namespace abstractllm::convert
