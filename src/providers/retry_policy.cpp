// The arithmetic of waiting, and the breaker's three states.
// SPDX-License-Identifier: Apache-2.0
#include "providers/retry_policy.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <thread>

namespace abstractllm::providers {
namespace {

// How often a wait looks at its cancel token.
constexpr std::chrono::milliseconds kCancelCheck{20};

bool wait_really(double seconds, const CancelToken& cancel) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point until =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(seconds));
  while (!cancel.cancelled()) {
    const Clock::time_point now = Clock::now();
    if (now >= until) return true;
    std::this_thread::sleep_for(
        std::min<Clock::duration>(until - now, kCancelCheck));
  }
  return false;
}

double draw_chance() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace

RetryWorld RetryWorld::real() {
  return {.now =
              [] {
                return std::chrono::duration<double>(
                           std::chrono::steady_clock::now().time_since_epoch())
                    .count();
              },
          .chance = &draw_chance,
          .wait = &wait_really};
}

void validate(const RetryConfig& config) {
  const auto require = [](bool holds, const char* what) {
    if (holds) return;
    throw InvalidParameterError("[retry] " + std::string(what), {});
  };
  const auto is_time = [](double seconds) {
    return std::isfinite(seconds) && seconds >= 0 && seconds <= 1e6;
  };
  require(config.max_attempts >= 1, "max_attempts must be at least 1");
  require(is_time(config.initial_wait), "initial_wait must be seconds from 0");
  require(is_time(config.max_wait), "max_wait must be seconds from 0");
  require(std::isfinite(config.wait_factor) && config.wait_factor >= 1,
          "wait_factor must be at least 1");
  require(config.breaker_threshold >= 0, "breaker_threshold must be 0 or more");
  require(is_time(config.breaker_recovery),
          "breaker_recovery must be seconds from 0");
  require(config.breaker_trials >= 1, "breaker_trials must be at least 1");
}

std::optional<double> retry_wait(const RetryConfig& config, const Error& error,
                                 int next, double chance) {
  if (!error.service().transient || next > config.max_attempts) {
    return std::nullopt;
  }
  const double asked = error.service().retry_after.value_or(0);
  if (asked > config.max_wait) return std::nullopt;
  const double upper =
      std::min(config.max_wait,
               config.initial_wait * std::pow(config.wait_factor, next - 2));
  return std::max(asked, chance * upper);
}

bool may_another_succeed(const Error& error) {
  if (error.service().transient) return true;
  switch (error.code()) {
    case ErrorCode::kAuthentication:
    case ErrorCode::kQuotaExceeded:
    case ErrorCode::kUnsupportedProvider:
    case ErrorCode::kUnsupportedModel:
    case ErrorCode::kModelNotFound:
    case ErrorCode::kModelLoading:
    case ErrorCode::kProviderConnection:
    case ErrorCode::kProviderApi:
    case ErrorCode::kRequestTimeout:
    case ErrorCode::kUnsupportedFeature:
    case ErrorCode::kUnsupportedOperation:
    case ErrorCode::kResourceExceeded:
    case ErrorCode::kMemoryExceeded:
      return true;
    default:
      return false;
  }
}

std::optional<double> CircuitBreaker::refuses() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kOpen) {
    const double left = open_until_ - now_();
    if (left > 0) return left;
    state_ = State::kTrying;
    trials_ = successes_ = 0;
  }
  if (state_ == State::kTrying) {
    if (trials_ + successes_ >= config_.breaker_trials) {
      return config_.breaker_recovery;
    }
    ++trials_;
  }
  return std::nullopt;
}

void CircuitBreaker::succeeded() {
  const std::lock_guard lock(mutex_);
  failures_ = 0;
  if (state_ != State::kTrying) return;
  if (trials_ > 0) --trials_;
  if (++successes_ >= config_.breaker_trials) state_ = State::kClosed;
}

void CircuitBreaker::failed() {
  const std::lock_guard lock(mutex_);
  if (config_.breaker_threshold == 0) return;
  ++failures_;
  if (state_ == State::kTrying || failures_ >= config_.breaker_threshold) {
    state_ = State::kOpen;
    open_until_ = now_() + config_.breaker_recovery;
    failures_ = 0;
  }
}

void CircuitBreaker::left() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kTrying && trials_ > 0) --trials_;
}

}  // namespace abstractllm::providers
