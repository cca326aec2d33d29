// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

namespace abstractllm::base {
namespace {

using namespace std::string_view_literals;

TEST(IsJson, IsOneWholeValue) {
  for (const auto text :
       {"{}"sv, " [1, 2]\n"sv, "\"a\""sv, "1e3"sv, "null"sv, "\"\\u0000\""sv}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
  for (const auto text : {""sv, "{"sv, "{} {}"sv, "'a'"sv, "01"sv, "tru"sv}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
}

TEST(IsJson, ANulByteDoesNotEndIt) {
  for (const auto text :
       {"1\0"sv, "10\0A"sv, "{}\0{"sv, "\"a\0b\""sv, "\0"sv}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
}

}  // namespace
}  // namespace abstractllm::base
