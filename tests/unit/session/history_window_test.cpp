// SPDX-License-Identifier: Apache-2.0
#include "session/history_window.h"

#include <gtest/gtest.h>

namespace abstractllm::session {
namespace {

std::vector<SessionMessage> turns(int count) {
  std::vector<SessionMessage> messages;
  for (int i = 0; i < count; ++i) {
    messages.push_back({.message = Message::user("q")});
    messages.push_back({.message = Message::assistant("a")});
  }
  messages.push_back({.message = Message::user("q")});
  return messages;
}

TEST(HistoryWindow, StaysWhileTheAnswerHasRoom) {
  const auto messages = turns(5);
  const auto count = [&](std::size_t first) {
    return static_cast<int>(messages.size() - first) * 10;
  };
  EXPECT_EQ(first_to_send(messages, 0, {1000, 0}, count), 0u);
  EXPECT_EQ(first_to_send(messages, 2, {1000, 0}, count), 2u);
  EXPECT_EQ(first_to_send(messages, 0, {0, 0}, count), 0u);
  // 110 of 150 leave 40: enough for 40, too little for 41.
  EXPECT_EQ(first_to_send(messages, 0, {150, 40}, count), 0u);
  EXPECT_EQ(first_to_send(messages, 0, {150, 41}, count), 4u);
}

TEST(HistoryWindow, AlwaysSendsTheLastTurn) {
  const auto messages = turns(3);
  EXPECT_EQ(
      first_to_send(messages, 0, {10, 0}, [](std::size_t) { return 1000; }),
      6u);
  EXPECT_EQ(next_turn(messages, 0), 2u);
  EXPECT_EQ(next_turn(messages, 6), messages.size());
}

}  // namespace
}  // namespace abstractllm::session
