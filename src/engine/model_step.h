// One pass of the model over rows of several sequences.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/work_times.h"
#include "models/sequence.h"
#include "ops/adapter.h"
#include "ops/kernel_clock.h"

namespace mlx::core {
class array;
}  // namespace mlx::core

namespace abstractllm::engine {

/// The adapters that models::Sequence::adapter() numbers, from 1.
struct StepAdapters {
  ops::Backend backend = {};
  std::vector<std::shared_ptr<const ops::Adapter>> list = {};

  /// The changes of `count` rows from `first` on under adapter `number`, added
  /// to `changes`.
  void add_rows(int number, int first, int count,
                ops::RowChanges& changes) const;
};

/// Where a step's time is counted.
struct StepClocks {
  WorkTimes& work;
  /// Of the model's kernels; null: it has none.
  const ops::KernelClock* kernels = nullptr;
};

struct StepRows {
  models::NewTokens tokens;
  bool wants_logits = false;  ///< of its last token
};

/// Runs `rows`, all of one kind, through the model and evaluates; adds to
/// `clocks.work` what making the graph took, without the kernels that ran at
/// once. Returns (rows that want logits, vocabulary) float32 in the given
/// order; nothing if none does. Throws what MLX and the kernels throw, after
/// which the sequences are of no use.
std::optional<mlx::core::array> run_step(const models::Model& model,
                                         std::span<const StepRows> rows,
                                         models::TokenKind kind,
                                         const StepAdapters& adapters,
                                         const StepClocks& clocks);

}  // namespace abstractllm::engine
