// The way of a request's tokens from the engine thread to its caller.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "abstractllm/event.h"

namespace abstractllm::engine {

/// One sampled token.
struct TokenStep {
  std::int32_t id = 0;
  /// True where the id ends the answer: its text is not part of it.
  bool ends = false;
  std::optional<TokenLogprob> logprob;
};

/// How a generation ended, as the engine sees it.
struct GenerationEnd {
  FinishReason reason = FinishReason::kStop;
  Usage usage;
  Timings timings;
  std::optional<Error> error;  ///< set: the generation failed
};

using EngineEvent = std::variant<TokenStep, GenerationEnd>;

/// Queue with one writer, which never waits, and one reader. A writer that is
/// far ahead is told so and stops until the reader has caught up, which holds
/// memory down. Thread-safe.
class TokenChannel {
 public:
  /// Enough to ride out a slow reader; what is computed ahead is wasted if a
  /// stop text ends the answer.
  static constexpr std::size_t kCapacity = 64;

  enum class State {
    kOpen,
    kFull,    ///< no more tokens until it is open again
    kClosed,  ///< the reader wants no more tokens
  };

  /// Calls `wake` when the state changes by the reader's doing. Before the
  /// first push; runs on the reader's thread, so it must be quick.
  void on_change(std::function<void()> wake) { wake_ = std::move(wake); }

  /// Adds a token unless the reader has closed the channel. Returns the state
  /// that it leaves.
  State push(TokenStep step) {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      queue_.push_back(std::move(step));
      if (queue_.size() >= kCapacity) full_ = true;
      arrived_.notify_one();
    }
    return locked_state();
  }

  State state() const {
    const std::lock_guard lock(mutex_);
    return locked_state();
  }

  /// Events that pop() gives without waiting.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }

  /// Blocks until there is an event.
  EngineEvent pop() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return !queue_.empty(); });
    EngineEvent event = std::move(queue_.front());
    queue_.pop_front();
    // Half empty before the writer goes on, so that it is not woken for each.
    const bool opens = full_ && queue_.size() <= kCapacity / 2;
    if (opens) full_ = false;
    lock.unlock();
    if (opens && wake_) wake_();
    return event;
  }

  /// The reader wants no more tokens. What is queued stays, and the end will
  /// come all the same.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      closed_ = true;
    }
    if (wake_) wake_();
  }

  /// The last event; always delivered, also after close().
  void close_with(GenerationEnd end) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(end));
    arrived_.notify_one();
  }

 private:
  State locked_state() const {
    return closed_ ? State::kClosed : full_ ? State::kFull : State::kOpen;
  }

  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<EngineEvent> queue_;
  bool full_ = false;
  bool closed_ = false;
};

}  // namespace abstractllm::engine
