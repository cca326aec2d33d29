// SPDX-License-Identifier: Apache-2.0
#include "ops/cpu/thread_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "abstractllm/error.h"
#include "ops/cpu/cpu_budget.h"

namespace abstractllm::ops::cpu {
namespace {

class ThreadPoolOf : public ::testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{{.threads = GetParam()}};
};

TEST_P(ThreadPoolOf, CoversEveryIndexOnce) {
  EXPECT_EQ(pool_.size(), GetParam());
  for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
    for (const std::int64_t grain : {0, 1, 3, 5000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      pool_.parallel_for(count, grain,
                         [&](std::int64_t begin, std::int64_t end, int slot) {
                           EXPECT_GE(slot, 0);
                           EXPECT_LT(slot, pool_.size());
                           EXPECT_LT(begin, end);
                           for (std::int64_t i = begin; i < end; ++i) {
                             ++seen[static_cast<std::size_t>(i)];
                           }
                         });
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
}

TEST_P(ThreadPoolOf, SlotsAreUsedByOneThreadAtATime) {
  std::vector<std::int64_t> sums(static_cast<std::size_t>(GetParam()));
  for (int round = 0; round < 200; ++round) {
    pool_.parallel_for(64, 1,
                       [&](std::int64_t begin, std::int64_t end, int slot) {
                         sums[static_cast<std::size_t>(slot)] += end - begin;
                       });
  }
  EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), std::int64_t{0}),
            200 * 64);
}

TEST_P(ThreadPoolOf, FetchesWhatIsThereAndWhatIsNot) {
  const std::vector<char> memory(1 << 20);
  for (const void* from : {static_cast<const void*>(memory.data()),
                           static_cast<const void*>(nullptr)}) {
    std::atomic<std::int64_t> sum{0};
    for (int round = 0; round < 50; ++round) {
      pool_.fetch_while_waiting(from, memory.size());
      pool_.parallel_for(100, 1,
                         [&](std::int64_t begin, std::int64_t end, int) {
                           sum += end - begin;
                         });
    }
    EXPECT_EQ(sum, 50 * 100);
  }
}

TEST_P(ThreadPoolOf, RethrowsAndGoesOn) {
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(
        pool_.parallel_for(100, 1,
                           [](std::int64_t begin, std::int64_t end, int) {
                             if (begin <= 60 && 60 < end) {
                               throw std::runtime_error("sixty");
                             }
                           }),
        std::runtime_error);
    std::atomic<std::int64_t> done = 0;
    pool_.parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end, int) {
      done += end - begin;
    });
    EXPECT_EQ(done, 100);
  }
}

TEST_P(ThreadPoolOf, NestedCallsRunOnTheirCaller) {
  std::atomic<std::int64_t> done = 0;
  pool_.parallel_for(8, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto self = std::this_thread::get_id();
      pool_.parallel_for(10, 1, [&](std::int64_t a, std::int64_t b, int) {
        EXPECT_EQ(std::this_thread::get_id(), self);
        done += b - a;
      });
    }
  });
  EXPECT_EQ(done, 80);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolOf, ::testing::Values(1, 2, 3, 9));

TEST_P(ThreadPoolOf, CoversCountsThatNoWordHolds) {
  const std::int64_t count = (std::int64_t{1} << 35) + 5;
  std::atomic<std::int64_t> done = 0;
  std::atomic<std::int64_t> last = 0;
  pool_.parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end, int) {
    done += end - begin;
    if (end == count) ++last;
  });
  EXPECT_EQ(done, count);
  EXPECT_EQ(last, 1);
}

// Whoever runs out takes half of what another has left, so that the last units
// are never with one that is held up for long.
TEST_P(ThreadPoolOf, OthersFinishThePartOfAThreadThatIsHeldUp) {
  const int threads = GetParam();
  constexpr std::int64_t kUnits = 64;
  std::atomic<std::int64_t> done = 0;
  std::atomic<bool> held = false;
  pool_.parallel_for(kUnits * threads, 1,
                     [&](std::int64_t begin, std::int64_t end, int) {
                       if (threads > 1 && !held.exchange(true)) {
                         // All but what this range holds: half of one part.
                         while (done < kUnits * threads - (end - begin)) {
                           std::this_thread::yield();
                         }
                       }
                       done += end - begin;
                     });
  EXPECT_EQ(done, kUnits * threads);
}

TEST(ThreadPool, OneOfASizeIsSharedWhileSomebodyHasIt) {
  const auto three = ThreadPool::shared(3);
  EXPECT_EQ(three->size(), 3);
  EXPECT_EQ(ThreadPool::shared(3), three);
  EXPECT_NE(ThreadPool::shared(4), three);
  EXPECT_EQ(ThreadPool::shared(0), ThreadPool::shared(usable_threads()));
  std::weak_ptr<ThreadPool> four;
  {
    const auto pool = ThreadPool::shared(4);
    four = pool;
    EXPECT_EQ(ThreadPool::shared(4), pool);
  }
  EXPECT_TRUE(four.expired());
  EXPECT_EQ(ThreadPool::shared(4)->size(), 4);
}

TEST(ThreadPool, TakesCallsFromSeveralThreads) {
  ThreadPool pool({.threads = 3});
  std::atomic<std::int64_t> done = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        pool.parallel_for(16, 1,
                          [&](std::int64_t begin, std::int64_t end, int) {
                            done += end - begin;
                          });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(done, 4 * 200 * 16);
}

TEST(ThreadPool, TooFewThreadsOfTheSystemAreAnError) {
  int started = 0;
  const auto start = [&](std::function<void()> job) {
    if (++started > 2) {
      throw std::system_error(
          std::make_error_code(std::errc::resource_unavailable_try_again));
    }
    return std::thread(std::move(job));
  };
  try {
    ThreadPool pool({.threads = 5, .start = start});
    FAIL() << "nothing was thrown";
  } catch (const ResourceExceededError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("started 3 of 5 threads"));
    EXPECT_THAT(std::string(error.hint()), testing::HasSubstr("--threads"));
  }
}

TEST(ThreadPool, WorkersSleepWhenThereIsNothingToDo) {
  ThreadPool pool({.threads = 3, .spin = std::chrono::microseconds(1)});
  for (int round = 0; round < 3; ++round) {
    while (pool.sleeping_workers() != 2) std::this_thread::yield();
    std::atomic<std::int64_t> done = 0;
    pool.parallel_for(1000, 1, [&](std::int64_t begin, std::int64_t end, int) {
      done += end - begin;
    });
    EXPECT_EQ(done, 1000);
  }
}

}  // namespace
}  // namespace abstractllm::ops::cpu
