// One pass of the model over rows of several sequences.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/work_times.h"
#include "models/sequence.h"

namespace mlx::core {
class array;
}  // namespace mlx::core

namespace abstractllm::engine {

struct StepRows {
  models::NewTokens tokens;
  bool wants_logits = false;  ///< of its last token
};

/// Runs `rows`, all of one kind, through the model and evaluates; adds to
/// `times` what making the graph took. Returns (rows that want logits,
/// vocabulary) float32 in the given order; nothing if none does. Throws what
/// MLX and the kernels throw, after which the sequences are of no use.
std::optional<mlx::core::array> run_step(const models::Model& model,
                                         std::span<const StepRows> rows,
                                         models::TokenKind kind,
                                         WorkTimes& times);

}  // namespace abstractllm::engine
