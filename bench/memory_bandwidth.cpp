// Speed of a plain read of memory: the limit of a decode step.
// SPDX-License-Identifier: Apache-2.0

// usage: memory_bandwidth [THREADS [MEGABYTES [PASSES]]]
//
// Prints one JSON object. Every thread reads a part of its own, far larger than
// the caches, front to back; a pass is timed from the start of the first to the
// end of the last. The best pass is what the machine gives; the median says how
// steady it is.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ABSTRACTLLM_EVERY_CPU \
  __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ABSTRACTLLM_EVERY_CPU
#endif

namespace {

constexpr std::size_t kLane = 64;              // a cache line
constexpr std::size_t kLanes = 8;              // independent sums
constexpr std::size_t kStep = kLane * kLanes;  // bytes of one round
constexpr std::size_t kAhead = 4096;           // bytes

using Line = std::uint64_t __attribute__((vector_size(kLane)));

// `bytes` is a multiple of kStep. Prefetching past the end is harmless.
ABSTRACTLLM_EVERY_CPU std::uint64_t read_all(const std::byte* data,
                                             std::size_t bytes) {
  Line sums[kLanes] = {};
  for (std::size_t at = 0; at < bytes; at += kStep) {
    const auto* lines = reinterpret_cast<const Line*>(data + at);
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kLanes; ++i) {
      __builtin_prefetch(data + at + kAhead + i * kLane);
      sums[i] += lines[i];
    }
  }
  std::uint64_t total = 0;
  for (const Line& sum : sums) {
    for (std::size_t i = 0; i < kLane / sizeof(std::uint64_t); ++i) {
      total += sum[i];
    }
  }
  return total;
}

std::size_t argument(int argc, char** argv, int index, std::size_t fallback) {
  const long value = argc > index ? std::atol(argv[index]) : 0;
  return value > 0 ? static_cast<std::size_t>(value) : fallback;
}

class Reader {
 public:
  Reader(std::size_t threads, std::size_t bytes)
      : part_(bytes / threads / kStep * kStep), parts_(threads) {
    for (Part& part : parts_) {
      part.data = static_cast<std::byte*>(std::aligned_alloc(kLane, part_));
      if (part.data == nullptr) std::abort();
      std::fill_n(part.data, part_, std::byte{1});  // touches every page
    }
  }
  ~Reader() {
    for (Part& part : parts_) std::free(part.data);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Gigabytes per second of one pass of all threads.
  double pass() {
    using Clock = std::chrono::steady_clock;
    std::atomic<std::size_t> waiting{parts_.size()};
    std::vector<std::thread> threads;
    for (Part& part : parts_) {
      threads.emplace_back([&part, &waiting, bytes = part_] {
        --waiting;
        while (waiting > 0) {
        }
        part.begin = Clock::now();
        part.sum = read_all(part.data, bytes);
        part.end = Clock::now();
      });
    }
    for (std::thread& thread : threads) thread.join();
    auto begin = parts_[0].begin;
    auto end = parts_[0].end;
    for (const Part& part : parts_) {
      begin = std::min(begin, part.begin);
      end = std::max(end, part.end);
      check_ += part.sum;
    }
    const double seconds = std::chrono::duration<double>(end - begin).count();
    return static_cast<double>(part_ * parts_.size()) / seconds / 1e9;
  }

  std::uint64_t check() const { return check_; }

 private:
  struct Part {
    std::byte* data = nullptr;
    std::uint64_t sum = 0;
    std::chrono::steady_clock::time_point begin, end;
  };

  std::size_t part_;
  std::vector<Part> parts_;
  std::uint64_t check_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t threads = argument(
      argc, argv, 1, std::max(1u, std::thread::hardware_concurrency()));
  const std::size_t megabytes = argument(argc, argv, 2, 1024);
  const std::size_t passes = argument(argc, argv, 3, 9);
  Reader reader(threads, megabytes << 20);
  std::vector<double> speeds;
  for (std::size_t i = 0; i < passes; ++i) speeds.push_back(reader.pass());
  std::sort(speeds.begin(), speeds.end());
  std::printf(
      "{\"threads\": %zu, \"best_gigabytes_per_second\": %.2f, "
      "\"median_gigabytes_per_second\": %.2f, \"check\": %llu}\n",
      threads, speeds.back(), speeds[speeds.size() / 2],
      static_cast<unsigned long long>(reader.check() & 0xff));
  return 0;
}
