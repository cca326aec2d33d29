// One thread a running call; those that overrun are let go.
// SPDX-License-Identifier: Apache-2.0
#include "session/tool_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace abstractllm::session {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kCancelled[] = "the call was cancelled";

// What a call's thread and its caller share; outlives both.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<ToolOutcome>> outcomes;  // mutex
};

ToolOutcome call(const ToolJob& job, const CancelToken& cancel) {
  try {
    return {job.tool->handler(job.arguments, {job.call_id, cancel}), false};
  } catch (const std::exception& error) {
    return {error.what(), true};
  } catch (...) {
    return {"the tool failed with an unknown exception", true};
  }
}

double seconds_since(Clock::time_point begin, Clock::time_point now) {
  return std::chrono::duration<double>(now - begin).count();
}

class RunningCall {
 public:
  RunningCall(std::shared_ptr<Shared> shared, std::size_t index, ToolJob job)
      : index_(index),
        timeout_(job.timeout),
        began_(Clock::now()),
        deadline_(began_ + timeout_) {
    thread_ = std::thread([shared = std::move(shared), index,
                           job = std::move(job), token = token_,
                           began = began_]() mutable {
      ToolOutcome outcome = call(job, token);
      outcome.seconds = seconds_since(began, Clock::now());
      // What the handler owns goes before its caller hears of the end.
      job = {};
      const std::lock_guard lock(shared->mutex);
      shared->outcomes[index] = std::move(outcome);
      shared->changed.notify_all();
    });
  }
  RunningCall(RunningCall&&) = default;
  RunningCall& operator=(RunningCall&&) = default;
  ~RunningCall() {
    if (thread_.joinable()) thread_.join();
  }

  std::size_t index() const { return index_; }
  // REQUIRES: its outcome is there, so that this takes no time.
  void join() { thread_.join(); }

  void ask_to_stop(Clock::time_point now) {
    if (asked_) return;
    asked_ = true;
    token_.cancel();
    deadline_ = std::min(deadline_, now + std::chrono::milliseconds(100));
  }

  // Why the call is given up, if it is.
  std::optional<ToolOutcome> give_up(Clock::time_point now) {
    if (now < deadline_) return std::nullopt;
    token_.cancel();
    thread_.detach();
    const double seconds = seconds_since(began_, now);
    if (asked_) return ToolOutcome{kCancelled, true, seconds};
    return ToolOutcome{
        fmt::format("the tool did not finish within {} ms", timeout_.count()),
        true, seconds};
  }

 private:
  std::size_t index_;
  std::chrono::milliseconds timeout_;
  Clock::time_point began_;
  Clock::time_point deadline_;
  CancelToken token_;
  bool asked_ = false;
  std::thread thread_;
};

class Runner {
 public:
  Runner(std::vector<ToolJob> jobs, int parallel, const CancelToken& cancel)
      : jobs_(std::move(jobs)),
        parallel_(static_cast<std::size_t>(std::max(parallel, 1))),
        cancel_(cancel),
        outcomes_(jobs_.size()) {
    shared_->outcomes.resize(jobs_.size());
  }

  std::vector<ToolOutcome> run() {
    std::size_t next = 0;
    while (next < jobs_.size() || !running_.empty()) {
      while (next < jobs_.size() && running_.size() < parallel_) start(next++);
      wait();
      collect();
    }
    return std::move(outcomes_);
  }

 private:
  void start(std::size_t index) {
    if (cancel_.cancelled()) {
      outcomes_[index] = {kCancelled, true};
      return;
    }
    try {
      running_.emplace_back(shared_, index, std::move(jobs_[index]));
    } catch (const std::system_error& error) {
      outcomes_[index] = {
          fmt::format("no thread for the tool: {}", error.what()), true};
    }
  }

  // Until a call ends, or it is time to look at the clock and the token again:
  // a cancel token has nobody to notify.
  void wait() {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait_for(lock, std::chrono::milliseconds(5), [&] {
      return std::any_of(running_.begin(), running_.end(), [&](auto& each) {
        return shared_->outcomes[each.index()].has_value();
      });
    });
  }

  void collect() {
    const Clock::time_point now = Clock::now();
    std::erase_if(running_, [&](RunningCall& each) {
      bool ended = false;
      {
        const std::lock_guard lock(shared_->mutex);
        auto& outcome = shared_->outcomes[each.index()];
        if (outcome) {
          outcomes_[each.index()] = std::move(*outcome);
          ended = true;
        }
      }
      if (ended) {
        each.join();
        return true;
      }
      if (cancel_.cancelled()) each.ask_to_stop(now);
      if (auto outcome = each.give_up(now)) {
        outcomes_[each.index()] = std::move(*outcome);
        return true;
      }
      return false;
    });
  }

  std::vector<ToolJob> jobs_;
  const std::size_t parallel_;
  const CancelToken cancel_;
  std::vector<ToolOutcome> outcomes_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  std::vector<RunningCall> running_;
};

}  // namespace

std::vector<ToolOutcome> run_tool_jobs(std::vector<ToolJob> jobs, int parallel,
                                       const CancelToken& cancel) {
  return Runner(std::move(jobs), parallel, cancel).run();
}

}  // namespace abstractllm::session
