// A flag that one thread raises and a running generation reads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>

namespace abstractllm {

/// Copies share one flag. Thread-safe; `cancel` may be called from a signal
/// handler. A cancelled request stops within one decoding step and ends with
/// FinishReason::kCancelled.
class CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}

  void cancel() noexcept { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept {
    return flag_->load(std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace abstractllm
