// Decisions about tries: whether, when, and whether at all. Pure but for the
// breaker's own memory; time and chance are given.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "abstractllm/cancel.h"
#include "abstractllm/error.h"
#include "abstractllm/routing.h"

namespace abstractllm::providers {

/// The world as a retry sees it.
struct RetryWorld {
  std::function<double()> now;     ///< seconds, only growing
  std::function<double()> chance;  ///< evenly from [0, 1)
  /// Waits for `seconds`; false as soon as the token is cancelled.
  std::function<bool(double seconds, const CancelToken&)> wait;

  static RetryWorld real();
};

/// Throws InvalidParameterError naming the field that makes no sense.
void validate(const RetryConfig& config);

/// Seconds to wait before attempt `next` (2 is the first retry), or nothing
/// when `error` is not to be tried again.
std::optional<double> retry_wait(const RetryConfig& config, const Error& error,
                                 int next, double chance);

/// Whether another provider may succeed where `error` came.
bool may_another_succeed(const Error& error);

/// Leaves an endpoint alone after failures in a row, then lets a few requests
/// through to see. Thread-safe.
class CircuitBreaker {
 public:
  CircuitBreaker(const RetryConfig& config, std::function<double()> now)
      : config_(config), now_(std::move(now)) {}

  /// Nothing: go on, and report how it went. A number: not for so many
  /// seconds.
  std::optional<double> refuses();
  void succeeded();
  /// Of a kind that passes; others say nothing of the endpoint.
  void failed();
  /// Neither: cancelled, or the request's own fault.
  void left();

 private:
  enum class State { kClosed, kOpen, kTrying };

  const RetryConfig config_;
  const std::function<double()> now_;
  std::mutex mutex_;
  State state_ = State::kClosed;  // mutex_
  int failures_ = 0;              // mutex_; in a row
  int trials_ = 0;                // mutex_; running in kTrying
  int successes_ = 0;             // mutex_; in kTrying
  double open_until_ = 0;         // mutex_
};

}  // namespace abstractllm::providers
