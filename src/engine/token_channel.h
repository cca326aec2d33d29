// The way of a request's tokens from the engine thread to its caller.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
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

/// Bounded queue with one writer and one reader: a writer that is far ahead
/// waits, so that a slow reader holds memory down. Thread-safe.
class TokenChannel {
 public:
  /// Blocks while the channel is full. False once the reader has closed it.
  bool push(EngineEvent event) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || queue_.size() < kCapacity; });
    if (closed_) return false;
    queue_.push_back(std::move(event));
    changed_.notify_all();
    return true;
  }

  /// Blocks until there is an event.
  EngineEvent pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !queue_.empty(); });
    EngineEvent event = std::move(queue_.front());
    queue_.pop_front();
    changed_.notify_all();
    return event;
  }

  /// The reader wants no more tokens: pushes return false from here on, but
  /// for the end, which goes through close_with.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  /// The last event; always delivered, also after close().
  void close_with(GenerationEnd end) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(end));
    changed_.notify_all();
  }

 private:
  // Enough to ride out a slow reader; what is computed ahead is wasted if a
  // stop text ends the answer.
  static constexpr std::size_t kCapacity = 64;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<EngineEvent> queue_;
  bool closed_ = false;
};

}  // namespace abstractllm::engine
