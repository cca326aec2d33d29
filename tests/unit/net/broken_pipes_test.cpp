// SPDX-License-Identifier: Apache-2.0
#include "net/broken_pipes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace abstractllm::net {
namespace {

volatile std::sig_atomic_t signals_seen = 0;

TEST(BrokenPipes, AWriteIntoOneRaisesNothing) {
  signals_seen = 0;
  const auto old =
      std::signal(SIGPIPE, [](int) { signals_seen = signals_seen + 1; });
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ::close(ends[0]);
  {
    const BrokenPipes quiet;
    EXPECT_EQ(::write(ends[1], "x", 1), -1);
  }
  EXPECT_EQ(signals_seen, 0);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  EXPECT_EQ(signals_seen, 1) << "outside of it signals are as before";
  ::close(ends[1]);
  std::signal(SIGPIPE, old);
}

}  // namespace
}  // namespace abstractllm::net
