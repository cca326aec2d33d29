// The pool of threads that every CPU kernel runs on.
// SPDX-License-Identifier: Apache-2.0

//   ThreadPool pool;                       // as many as may usefully run
//   pool.parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end,
//                                   int slot) { ... });
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace abstractllm::ops::cpu {

/// Persistent workers that wait busily for a moment after each job, so that the
/// next one starts within about a microsecond, and then sleep: an idle pool
/// burns no CPU time.
///
/// Thread-safe. One job runs on the workers at a time; a call that comes while
/// one runs (from another thread, or from inside a job) runs on its caller
/// alone.
class ThreadPool {
 public:
  struct Options {
    int threads = 0;  ///< counting the caller; 0: usable_threads()
    /// How long a worker waits busily for the next job before it sleeps.
    std::chrono::microseconds spin{100};
    /// How a worker is started; for tests of systems that allow no more.
    std::function<std::thread(std::function<void()>)> start{};
  };

  /// The pool of `threads` threads (0: usable_threads()) that this process has:
  /// whoever asks for as many shares it while it lives, so that models loaded
  /// together do not wait busily against each other. Throws as the constructor.
  static std::shared_ptr<ThreadPool> shared(int threads);

  ThreadPool() : ThreadPool(Options{}) {}
  /// Throws ResourceExceededError where the system starts fewer threads.
  explicit ThreadPool(Options options);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Threads that take part in a job, the caller among them; at least 1.
  int size() const noexcept { return static_cast<int>(workers_.size()) + 1; }

  /// Calls `body(begin, end, slot)` for ranges that together cover
  /// [0, count) once; blocks until all have returned. Every thread goes through
  /// a part of its own from one end to the other, in ranges that start large
  /// and shrink to `grain` (at least 1), and then takes half of what another
  /// has left, so that a thread that is held up delays the others little.
  /// `slot` in [0, size()) tells threads of one job apart. Workers have the
  /// first parts, the caller the last.
  /// The first exception of a body is rethrown here; ranges not yet begun
  /// are then dropped.
  template <typename Body>
  void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
    using Stored = std::remove_reference_t<Body>;
    run(Job{count, grain < 1 ? 1 : grain,
            [](void* context, std::int64_t begin, std::int64_t end, int slot) {
              (*static_cast<Stored*>(context))(begin, end, slot);
            },
            const_cast<void*>(static_cast<const void*>(&body))});
  }

  /// Memory that a coming job reads: threads that wait busily fetch it into
  /// their caches. Replaces what was asked for before; may be memory that is
  /// not there.
  void fetch_while_waiting(const void* from, std::size_t bytes) noexcept;

  /// Workers that sleep at this moment; for tests.
  int sleeping_workers() const noexcept { return sleepers_.load(); }

 private:
  struct Job {
    std::int64_t count = 0;
    std::int64_t grain = 1;
    void (*call)(void*, std::int64_t, std::int64_t, int) = nullptr;
    void* context = nullptr;
  };

  // Units of a job, of `grain` each, that a thread has still to begin: the
  // first in the low half, the end in the high half.
  struct alignas(64) Part {
    std::atomic<std::uint64_t> units{0};
  };

  void stop_workers() noexcept;
  template <typename Ready>
  bool spin_until(Ready ready);
  void wait_or_fetch() noexcept;

  void run(const Job& job);
  void publish(const Job& job);
  void wait_until_left();
  void share_out();
  void take_ranges(int slot);
  bool run_part(const Job& job, int slot);
  bool take_from_others(int slot);
  void work(int slot);
  std::uint64_t wait_for_change(std::uint64_t seen);

  std::chrono::microseconds spin_;
  std::vector<std::thread> workers_;

  // Bits 0-15: workers inside the job. Bit 16: workers may still enter. Above:
  // number of the job. A worker that has not entered when the ranges run out
  // is not waited for, so a sleeping or preempted worker delays nobody.
  alignas(64) std::atomic<std::uint64_t> state_{0};
  std::vector<Part> parts_;  // by slot
  // Addresses, not pointers, since they may be of nothing.
  alignas(64) std::atomic<std::uintptr_t> fetch_next_{0};
  std::atomic<std::uintptr_t> fetch_end_{0};
  alignas(64) Job job_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
  std::atomic<int> sleepers_{0};
  std::atomic<bool> caller_sleeps_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable left_;
};

}  // namespace abstractllm::ops::cpu
