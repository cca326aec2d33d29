// SPDX-License-Identifier: Apache-2.0
#include "families/generation_defaults.h"

#include <gtest/gtest.h>

#include "io/json_config.h"

namespace abstractllm::families {
namespace {

GenerationParameters read(const char* json) {
  return generation_defaults(io::JsonConfig::parse(json, "generation_config"));
}

TEST(GenerationDefaults, TakesTheSamplingFields) {
  const GenerationParameters parameters = read(
      R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95,
          "repetition_penalty": 1.05, "eos_token_id": 3})");
  EXPECT_EQ(parameters.temperature, 0.6);
  EXPECT_EQ(parameters.top_k, 20);
  EXPECT_EQ(parameters.top_p, 0.95);
  EXPECT_EQ(parameters.repetition_penalty, 1.05);
  EXPECT_FALSE(parameters.min_p.has_value());
}

TEST(GenerationDefaults, NoSamplingIsGreedy) {
  EXPECT_EQ(read(R"({"do_sample": false, "temperature": 0.6})").temperature, 0);
  const GenerationParameters greedy =
      read(R"({"do_sample": false, "repetition_penalty": 1.1})");
  EXPECT_EQ(greedy.temperature, 0);
  EXPECT_EQ(greedy.repetition_penalty, 1.1);
}

TEST(GenerationDefaults, LeavesOutWhatIsOutOfRange) {
  const GenerationParameters parameters =
      read(R"({"temperature": 7, "top_p": 0, "top_k": 5})");
  EXPECT_FALSE(parameters.temperature.has_value());
  EXPECT_FALSE(parameters.top_p.has_value());
  EXPECT_EQ(parameters.top_k, 5);
}

}  // namespace
}  // namespace abstractllm::families
