// Chunks of prompts by what steps cost.
// SPDX-License-Identifier: Apache-2.0
#include "engine/prompt_pace.h"

#include <gtest/gtest.h>

namespace abstractllm::engine {
namespace {

// Steps of a machine with this cost of a token.
void run_steps(PromptPace& pace, double token, int count) {
  for (int i = 0; i < count; ++i) {
    const int tokens = pace.budget().beside;
    pace.observe(tokens, tokens * token);
  }
}

TEST(PromptPace, NeverExceedsTheLargestChunk) {
  PromptPace pace(20);
  EXPECT_EQ(pace.budget().alone, 20);
  EXPECT_EQ(pace.budget().beside, 20);
  run_steps(pace, 1e-9, 5);
  EXPECT_EQ(pace.budget().alone, 20);
  EXPECT_EQ(pace.budget().beside, 20);
  pace.observe(20, 0);
  EXPECT_EQ(pace.budget().alone, 20);
}

TEST(PromptPace, AChunkBesideStreamsTakesAboutAStall) {
  PromptPace pace(512);
  run_steps(pace, 1e-3, 20);
  EXPECT_NEAR(pace.budget().beside, PromptPace::kStallSeconds / 1e-3, 16);
  run_steps(pace, 4e-3, 20);
  EXPECT_NEAR(pace.budget().beside, PromptPace::kStallSeconds / 4e-3, 16);
  EXPECT_NEAR(pace.budget().alone, PromptPace::kAloneSeconds / 4e-3, 16);
  EXPECT_EQ(pace.budget().alone % 16, 0);
}

TEST(PromptPace, ASlowMachineGoesOnInSmallChunks) {
  PromptPace pace(512);
  run_steps(pace, 10, 5);
  EXPECT_EQ(pace.budget().beside, PromptPace::kLeastBeside);
  EXPECT_EQ(pace.budget().alone, PromptPace::kLeastAlone);
}

TEST(PromptPace, AFewTokensSayNothing) {
  PromptPace pace(512);
  pace.observe(256, 0.256);
  const int before = pace.budget().beside;
  for (int i = 0; i < 50; ++i) pace.observe(1, 1);
  EXPECT_EQ(pace.budget().beside, before);
}

}  // namespace
}  // namespace abstractllm::engine
