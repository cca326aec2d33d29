// SPDX-License-Identifier: Apache-2.0
#include "base/nearest_names.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

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

}  // namespace
}  // namespace abstractllm::base
