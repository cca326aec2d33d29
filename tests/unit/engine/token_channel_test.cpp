// The channel between the engine thread and a caller.
// SPDX-License-Identifier: Apache-2.0
#include "engine/token_channel.h"

#include <gtest/gtest.h>

#include <thread>

namespace abstractllm::engine {
namespace {

using State = TokenChannel::State;

TEST(TokenChannel, DeliversInOrderAndTheEndLast) {
  TokenChannel channel;
  std::thread writer([&] {
    for (int i = 0; i < 1000; ++i) channel.push(TokenStep{i});
    channel.close_with({.reason = FinishReason::kLength});
  });
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(std::get<TokenStep>(channel.pop()).id, i);
  }
  EXPECT_EQ(std::get<GenerationEnd>(channel.pop()).reason,
            FinishReason::kLength);
  writer.join();
}

TEST(TokenChannel, IsFullUntilTheReaderHasCaughtUp) {
  TokenChannel channel;
  int rings = 0;
  channel.on_change([&] { ++rings; });
  for (std::size_t i = 1; i < TokenChannel::kCapacity; ++i) {
    EXPECT_EQ(channel.push(TokenStep{}), State::kOpen);
  }
  EXPECT_EQ(channel.push(TokenStep{}), State::kFull);
  // A writer that goes on all the same loses nothing.
  EXPECT_EQ(channel.push(TokenStep{}), State::kFull);
  while (channel.state() == State::kFull) {
    EXPECT_EQ(rings, 0);
    channel.pop();
  }
  EXPECT_EQ(rings, 1);
  EXPECT_EQ(channel.push(TokenStep{}), State::kOpen);
  channel.pop();
  EXPECT_EQ(rings, 1);
}

TEST(TokenChannel, AClosedOneTakesNoTokens) {
  TokenChannel channel;
  int rings = 0;
  channel.on_change([&] { ++rings; });
  channel.push(TokenStep{7});
  channel.close();
  channel.close();
  EXPECT_EQ(rings, 1);
  EXPECT_EQ(channel.push(TokenStep{8}), State::kClosed);
  channel.close_with({.reason = FinishReason::kCancelled});
  EXPECT_EQ(std::get<TokenStep>(channel.pop()).id, 7);
  EXPECT_EQ(std::get<GenerationEnd>(channel.pop()).reason,
            FinishReason::kCancelled);
}

TEST(TokenChannel, TheEndArrivesInAFullChannel) {
  TokenChannel channel;
  while (channel.push(TokenStep{}) == State::kOpen) {
  }
  channel.close_with({.reason = FinishReason::kLength});
  EngineEvent event = channel.pop();
  while (std::holds_alternative<TokenStep>(event)) event = channel.pop();
  EXPECT_EQ(std::get<GenerationEnd>(event).reason, FinishReason::kLength);
}

}  // namespace
}  // namespace abstractllm::engine
