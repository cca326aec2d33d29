// Building a model of shapes, to see whether its parts are there and fit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace abstractllm::ops {

/// While one lives, the layers that its thread makes hold zeros of their shape
/// that nobody has computed: no weight is read, and such a model cannot be run.
/// Scopes do not nest.
class ShapesOnly {
 public:
  ShapesOnly() noexcept { active_ = true; }
  ~ShapesOnly() { active_ = false; }
  ShapesOnly(const ShapesOnly&) = delete;
  ShapesOnly& operator=(const ShapesOnly&) = delete;

  static bool active() noexcept { return active_; }

 private:
  static inline thread_local bool active_ = false;
};

}  // namespace abstractllm::ops
