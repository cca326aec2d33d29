// The channel between the engine thread and a caller.
// SPDX-License-Identifier: Apache-2.0
#include "engine/token_channel.h"

#include <gtest/gtest.h>

#include <thread>

namespace abstractllm::engine {
namespace {

TEST(TokenChannel, DeliversInOrderAndTheEndLast) {
  TokenChannel channel;
  std::thread writer([&] {
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(channel.push(TokenStep{i}));
    channel.close_with({.reason = FinishReason::kLength});
  });
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(std::get<TokenStep>(channel.pop()).id, i);
  }
  EXPECT_EQ(std::get<GenerationEnd>(channel.pop()).reason,
            FinishReason::kLength);
  writer.join();
}

TEST(TokenChannel, AClosedReaderFreesAWaitingWriter) {
  TokenChannel channel;
  bool refused = false;
  std::thread writer([&] {
    while (channel.push(TokenStep{})) {
    }
    refused = true;
    channel.close_with({});
  });
  channel.pop();
  channel.close();
  while (std::holds_alternative<TokenStep>(channel.pop())) {
  }
  writer.join();
  EXPECT_TRUE(refused);
}

TEST(TokenChannel, TheEndArrivesInAFullChannel) {
  TokenChannel channel;
  channel.close();
  EXPECT_FALSE(channel.push(TokenStep{}));
  channel.close_with({.reason = FinishReason::kCancelled});
  EXPECT_EQ(std::get<GenerationEnd>(channel.pop()).reason,
            FinishReason::kCancelled);
}

}  // namespace
}  // namespace abstractllm::engine
