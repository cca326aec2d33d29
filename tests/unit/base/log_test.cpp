// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace abstractllm::base {
namespace {

class Log : public ::testing::Test {
 protected:
  ~Log() override { set_log(LogLevel::kOff, {}); }

  LogSink collect() {
    return [this](LogLevel level, std::string_view where,
                  std::string_view message) {
      lines_.push_back(std::string(to_string(level)) + ' ' +
                       std::string(where) + ' ' + std::string(message));
    };
  }

  std::vector<std::string> lines_;
};

TEST_F(Log, IsSilentUntilItHasASink) {
  EXPECT_FALSE(is_logged(LogLevel::kError));
  ::testing::internal::CaptureStderr();
  log(LogLevel::kError, "test", "lost");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  set_log(LogLevel::kDebug, {});
  EXPECT_FALSE(is_logged(LogLevel::kError));
}

TEST_F(Log, PassesLinesOfItsLevelAndAbove) {
  set_log(LogLevel::kWarning, collect());
  EXPECT_FALSE(is_logged(LogLevel::kInfo));
  EXPECT_TRUE(is_logged(LogLevel::kWarning));
  EXPECT_FALSE(is_logged(LogLevel::kOff));
  log(LogLevel::kInfo, "engine", "quiet");
  log(LogLevel::kWarning, "engine", "loud");
  log(LogLevel::kError, "engine", "louder");
  EXPECT_THAT(lines_, ::testing::ElementsAre("warning engine loud",
                                             "error engine louder"));
}

TEST_F(Log, TakesLinesFromSeveralThreads) {
  set_log(LogLevel::kDebug, collect());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 100; ++j) log(LogLevel::kDebug, "t", "line");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines_.size(), 400U);
}

TEST_F(Log, StandardErrorLinesNameLevelAndPart) {
  ::testing::internal::CaptureStderr();
  set_log(LogLevel::kInfo, standard_error_log());
  log(LogLevel::kInfo, "hub", "a {braced} message");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::EndsWith("info [hub] a {braced} message\n"));
}

}  // namespace
}  // namespace abstractllm::base
