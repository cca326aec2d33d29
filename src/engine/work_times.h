// Where the time of the engine's steps goes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace abstractllm::engine {

/// Seconds of all steps since the model was loaded. Steps also take time that
/// is none of these: MLX's dispatch, and handing tokens on.
struct WorkTimes {
  double build = 0;     ///< making graphs, without kernels that run at once
  double kernels = 0;   ///< in the CPU kernels
  double sampling = 0;  ///< choosing tokens
};

/// A point in time and what had been done by then.
struct Moment {
  std::chrono::steady_clock::time_point time;
  WorkTimes work;
};

}  // namespace abstractllm::engine
