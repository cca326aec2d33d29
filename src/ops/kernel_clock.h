// How long the CPU kernels of one loaded model have run.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace abstractllm::ops {

/// Thread-safe. One kernel runs at a time, so the difference of two readings is
/// the part of the time between them that kernels ran.
class KernelClock {
 public:
  void add(std::chrono::nanoseconds time) {
    total_.fetch_add(time.count(), std::memory_order_relaxed);
  }
  std::chrono::nanoseconds total() const {
    return std::chrono::nanoseconds(total_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<std::int64_t> total_{0};
};

}  // namespace abstractllm::ops
