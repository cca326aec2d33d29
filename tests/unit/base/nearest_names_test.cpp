// SPDX-License-Identifier: Apache-2.0
#include "base/nearest_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace abstractllm::base {
namespace {

constexpr std::array<std::string_view, 4> kNames{"temperature", "top_k",
                                                 "top_p", "llama"};

TEST(NearestName, FindsMisspeltNames) {
  EXPECT_EQ(nearest_name("temprature", kNames), "temperature");
  EXPECT_EQ(nearest_name("Top-P", kNames), "top_p");
  EXPECT_EQ(nearest_name("lama", kNames), "llama");
}

TEST(NearestName, TakesTheFirstOfEquallyNear) {
  EXPECT_EQ(nearest_name("top_x", kNames), "top_k");
}

TEST(NearestName, IsEmptyWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("colour", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name(std::string(100000, 't'), kNames), "");
  EXPECT_EQ(nearest_name("top_k", {}), "");
}

TEST(NearestName, JoinsNames) {
  EXPECT_EQ(join_names(kNames), "temperature, top_k, top_p, llama");
  EXPECT_EQ(join_names({}), "");
}

TEST(EditDistance, CountsInsertionsDeletionsAndReplacements) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("Qwen2", "qwen3"), 1u);
}

TEST(NearestNames, PutsTheMostAlikeFirst) {
  const std::vector<std::string> known = {"gemma", "llama", "qwen2", "qwen3"};
  EXPECT_THAT(nearest_names("lama", known, 2),
              testing::ElementsAre("llama", "gemma"));
  EXPECT_THAT(nearest_names("qwen", known, 2),
              testing::ElementsAre("qwen2", "qwen3"));
}

TEST(NearestNames, GivesNoMoreThanThereAre) {
  EXPECT_THAT(nearest_names("x", {"a"}, 5), testing::ElementsAre("a"));
  EXPECT_THAT(nearest_names("x", {}, 5), testing::IsEmpty());
}

TEST(NearestNames, TakesNamesOfAnyLength) {
  const std::string long_name(100'000, 'a');
  EXPECT_THAT(nearest_names(long_name, {long_name + "b"}, 1),
              testing::SizeIs(1));
}

}  // namespace
}  // namespace abstractllm::base
