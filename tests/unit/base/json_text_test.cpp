// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace abstractllm::base {
namespace {

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST(JsonText, NestingIsBounded) {
  EXPECT_FALSE(parse_json(nested(kMaxJsonDepth)).is_discarded());
  EXPECT_TRUE(parse_json(nested(kMaxJsonDepth + 1)).is_discarded());
  EXPECT_TRUE(is_too_deep(std::string(1000000, '{')));
}

TEST(JsonText, BracketsInStringsDoNotNest) {
  const std::string brackets(500, '[');
  std::string text = R"({"a\"": ")";
  text.append(brackets).append(R"(\\"})");
  EXPECT_EQ(parse_json(text).at("a\""), brackets + "\\");
  EXPECT_FALSE(is_too_deep("]]]]" + nested(kMaxJsonDepth)));
}

TEST(JsonText, WhatIsNoJsonIsDiscarded) {
  for (const char* text : {"", "{", "{]", "nul", "1 2"}) {
    EXPECT_TRUE(parse_json(text).is_discarded()) << text;
  }
}

}  // namespace
}  // namespace abstractllm::base
