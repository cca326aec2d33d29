// The pool: one word of state, a part of each job for every thread.
// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/thread_pool.h"

#include <algorithm>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include "abstractllm/error.h"
#include "ops/cpu/cpu_budget.h"

namespace abstractllm::ops::cpu {
namespace {

constexpr std::uint64_t kInsideMask = 0xffff;
constexpr std::uint64_t kOpen = 1ull << 16;
constexpr std::uint64_t kJobNumber = 1ull << 17;
constexpr int kMaxThreads = 1024;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

int actual_threads(int threads) {
  return std::min(kMaxThreads, threads > 0 ? threads : usable_threads());
}

constexpr std::uint64_t units_of(std::uint64_t begin, std::uint64_t end) {
  return begin | end << 32;
}
constexpr std::uint64_t first_of(std::uint64_t units) {
  return units & 0xffffffffu;
}
constexpr std::uint64_t end_of(std::uint64_t units) { return units >> 32; }

}  // namespace

std::shared_ptr<ThreadPool> ThreadPool::shared(int threads) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<ThreadPool>> pools;
  const int actual = actual_threads(threads);
  const std::lock_guard lock(mutex);
  std::weak_ptr<ThreadPool>& known = pools[actual];
  std::shared_ptr<ThreadPool> pool = known.lock();
  if (pool == nullptr) {
    pool = std::make_shared<ThreadPool>(Options{.threads = actual});
    known = pool;
  }
  return pool;
}

ThreadPool::ThreadPool(Options options)
    : spin_(options.spin),
      parts_(static_cast<std::size_t>(actual_threads(options.threads))) {
  const int threads = actual_threads(options.threads);
  // Who waits busily where threads are more than processors keeps those from
  // working that it waits for.
  if (threads > usable_threads()) spin_ = spin_.zero();
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int slot = 1; slot < threads; ++slot) {
    const auto job = [this, slot] { work(slot); };
    try {
      workers_.push_back(options.start ? options.start(job) : std::thread(job));
    } catch (const std::system_error& error) {
      stop_workers();
      throw ResourceExceededError(
          "[cpu] the system started " + std::to_string(slot) + " of " +
              std::to_string(threads) + " threads: " + error.what(),
          "use fewer (--threads), or raise the limit of threads (ulimit -u, "
          "the pids limit of the container)");
    }
  }
}

ThreadPool::~ThreadPool() { stop_workers(); }

void ThreadPool::stop_workers() noexcept {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::fetch_while_waiting(const void* from,
                                     std::size_t bytes) noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(from);
  fetch_next_.store(first, std::memory_order_relaxed);
  fetch_end_.store(first + bytes, std::memory_order_relaxed);
}

void ThreadPool::wait_or_fetch() noexcept {
  constexpr std::uintptr_t kLine = 64;
  constexpr std::uintptr_t kBytes = 8 * kLine;
  const std::uintptr_t end = fetch_end_.load(std::memory_order_relaxed);
  if (fetch_next_.load(std::memory_order_relaxed) >= end) return pause_cpu();
  const auto from = fetch_next_.fetch_add(kBytes, std::memory_order_relaxed);
  for (std::uintptr_t line = from; line < from + kBytes; line += kLine) {
    __builtin_prefetch(reinterpret_cast<const void*>(line), 0, 2);
  }
}

// Calls `ready` until it is true or spin_ has passed; the clock is read only
// now and then, since reading it costs as much as a few dozen pauses.
template <typename Ready>
bool ThreadPool::spin_until(Ready ready) {
  const auto end = std::chrono::steady_clock::now() + spin_;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      wait_or_fetch();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

void ThreadPool::run(const Job& job) {
  if (job.count <= 0) return;
  const bool alone = workers_.empty() || job.count <= job.grain;
  if (alone || busy_.exchange(true, std::memory_order_acquire)) {
    job.call(job.context, 0, job.count, 0);
    return;
  }
  publish(job);
  take_ranges(0);
  wait_until_left();
  std::exception_ptr failure;
  if (failed_.load(std::memory_order_acquire)) {
    failure = std::exchange(failure_, nullptr);
    failed_.store(false, std::memory_order_relaxed);
  }
  busy_.store(false, std::memory_order_release);
  if (failure) std::rethrow_exception(failure);
}

void ThreadPool::publish(const Job& job) {
  job_ = job;
  share_out();
  const std::uint64_t number =
      state_.load(std::memory_order_relaxed) & ~(kInsideMask | kOpen);
  // Sequentially consistent, as is the count of sleepers: either this thread
  // sees the sleeper or the sleeper sees the job.
  state_.store((number + kJobNumber) | kOpen);
  const std::int64_t wanted = (job_.count - 1) / job_.grain;  // beside this one
  const std::int64_t sleepers = sleepers_.load();
  if (sleepers == 0) return;
  { std::lock_guard lock(mutex_); }
  if (wanted >= sleepers) return wake_.notify_all();
  for (std::int64_t i = 0; i < wanted; ++i) wake_.notify_one();
}

void ThreadPool::wait_until_left() {
  const auto left = [this](std::uint64_t state) {
    return (state & kInsideMask) == 0;
  };
  if (left(state_.fetch_and(~kOpen, std::memory_order_acq_rel))) return;
  const auto all_left = [&] {
    return left(state_.load(std::memory_order_acquire));
  };
  if (spin_until(all_left)) return;
  std::unique_lock lock(mutex_);
  caller_sleeps_ = true;
  left_.wait(lock, [&] { return left(state_.load()); });
  caller_sleeps_ = false;
}

// Parts of about equal size. What lies first, which idle workers have fetched,
// goes to them.
void ThreadPool::share_out() {
  constexpr std::int64_t kMostUnits = std::int64_t{1} << 31;
  job_.grain = std::max(job_.grain, (job_.count - 1) / kMostUnits + 1);
  const auto units =
      static_cast<std::uint64_t>((job_.count - 1) / job_.grain + 1);
  const std::size_t count = parts_.size();
  for (std::size_t part = 0; part < count; ++part) {
    const std::size_t slot = (part + 1) % count;
    parts_[slot].units.store(
        units_of(units * part / count, units * (part + 1) / count),
        std::memory_order_relaxed);
  }
}

void ThreadPool::take_ranges(int slot) {
  const Job job = job_;
  try {
    while (run_part(job, slot) && take_from_others(slot)) {
    }
  } catch (...) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    failed_.store(true, std::memory_order_release);
  }
}

// False if the job has failed.
bool ThreadPool::run_part(const Job& job, int slot) {
  std::atomic<std::uint64_t>& part =
      parts_[static_cast<std::size_t>(slot)].units;
  std::uint64_t units = part.load(std::memory_order_relaxed);
  while (first_of(units) < end_of(units)) {
    const std::uint64_t first = first_of(units);
    const std::uint64_t length = (end_of(units) - first + 1) / 2;
    if (!part.compare_exchange_weak(units,
                                    units_of(first + length, end_of(units)),
                                    std::memory_order_relaxed)) {
      continue;
    }
    if (failed_.load(std::memory_order_relaxed)) return false;
    const std::int64_t begin = static_cast<std::int64_t>(first) * job.grain;
    const std::int64_t end =
        begin + static_cast<std::int64_t>(length) * job.grain;
    job.call(job.context, begin, std::min(end, job.count), slot);
    units = part.load(std::memory_order_relaxed);
  }
  return !failed_.load(std::memory_order_relaxed);
}

// Moves the second half of what another thread has not begun to the part of
// `slot`, which is empty; false if nobody has anything. Units on their way from
// one part to another are not seen, which only leaves them to fewer threads.
bool ThreadPool::take_from_others(int slot) {
  const std::size_t count = parts_.size();
  const auto own = static_cast<std::size_t>(slot);
  for (std::size_t i = 1; i < count; ++i) {
    std::atomic<std::uint64_t>& part = parts_[(own + i) % count].units;
    std::uint64_t units = part.load(std::memory_order_relaxed);
    while (first_of(units) < end_of(units)) {
      const std::uint64_t middle = (first_of(units) + end_of(units)) / 2;
      if (!part.compare_exchange_weak(units, units_of(first_of(units), middle),
                                      std::memory_order_relaxed)) {
        continue;
      }
      parts_[own].units.store(units_of(middle, end_of(units)),
                              std::memory_order_relaxed);
      return true;
    }
  }
  return false;
}

void ThreadPool::work(int slot) {
  std::uint64_t seen = 0;
  while (true) {
    std::uint64_t state = wait_for_change(seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    bool inside = false;
    while ((state & kOpen) != 0 && !inside) {
      inside = state_.compare_exchange_weak(state, state + 1,
                                            std::memory_order_acq_rel);
    }
    seen = state / kJobNumber;
    if (!inside) continue;
    take_ranges(slot);
    const std::uint64_t before = state_.fetch_sub(1);
    if ((before & kInsideMask) == 1 && caller_sleeps_.load()) {
      { std::lock_guard lock(mutex_); }
      left_.notify_all();
    }
  }
}

std::uint64_t ThreadPool::wait_for_change(std::uint64_t seen) {
  const auto changed = [&] {
    return state_.load(std::memory_order_acquire) / kJobNumber != seen ||
           stop_.load(std::memory_order_relaxed);
  };
  if (!spin_until(changed)) {
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] {
      return state_.load() / kJobNumber != seen || stop_.load();
    });
    sleepers_.fetch_sub(1);
  }
  return state_.load(std::memory_order_acquire);
}

}  // namespace abstractllm::ops::cpu
