// Runs the calls of one turn at once, each within its time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "abstractllm/tools.h"

namespace abstractllm::session {

/// A call that may run.
struct ToolJob {
  std::shared_ptr<const Tool> tool;
  std::string call_id;
  std::string arguments;
  std::chrono::milliseconds timeout{};
};

struct ToolOutcome {
  std::string output;
  bool is_error = false;
  double seconds = 0;  ///< that it ran
};

/// Runs `jobs`, at most `parallel` of them at once, and returns their outcomes
/// in order. A job that is out of time, or still running 100 ms after `cancel`,
/// is left to itself and reported as an error. Thread-safe.
std::vector<ToolOutcome> run_tool_jobs(std::vector<ToolJob> jobs, int parallel,
                                       const CancelToken& cancel);

}  // namespace abstractllm::session
