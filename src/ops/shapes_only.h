// Building a model of shapes, to see whether its parts are there and fit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/weight_memory.h"

namespace abstractllm::ops {

/// While one lives, the layers that its thread makes hold zeros of their shape
/// that nobody has computed: such a model cannot be run, and of its weights
/// nothing is read but what `tally`, which counts each of them, asks for. Null:
/// nobody counts. Scopes do not nest.
class ShapesOnly {
 public:
  explicit ShapesOnly(WeightTally* tally = nullptr) noexcept {
    active_ = true;
    tally_ = tally;
  }
  ~ShapesOnly() {
    active_ = false;
    tally_ = nullptr;
  }
  ShapesOnly(const ShapesOnly&) = delete;
  ShapesOnly& operator=(const ShapesOnly&) = delete;

  static bool active() noexcept { return active_; }

  /// Throws as WeightTally::add does. REQUIRES: active().
  static void count(const io::WeightMatrix& matrix) {
    if (tally_ != nullptr) tally_->add(matrix);
  }

 private:
  static inline thread_local bool active_ = false;
  static inline thread_local WeightTally* tally_ = nullptr;
};

}  // namespace abstractllm::ops
