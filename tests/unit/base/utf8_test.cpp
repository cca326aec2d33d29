// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace abstractllm::base {
namespace {

using namespace std::string_view_literals;

TEST(Utf8, AcceptsTheEdgesOfEveryLength) {
  for (std::string_view text :
       {""sv, "\0"sv, "\x7F"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv,
        "\xED\x9F\xBF"sv, "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv,
        "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv}) {
    EXPECT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(replace_invalid_utf8(text), text);
  }
}

TEST(Utf8, SaysWhereTheFirstIllFormedSequenceStarts) {
  for (std::string_view bad :
       {"\x80"sv, "\xBF"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x9F\xBF"sv,
        "\xED\xA0\x80"sv, "\xED\xBF\xBF"sv, "\xF0\x8F\xBF\xBF"sv,
        "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFF"sv, "\xC3"sv,
        "\xE2\x82"sv, "\xF0\x9F\x98"sv, "\xC3(x"sv}) {
    const std::string text = "a\xC3\xA9" + std::string(bad);
    EXPECT_EQ(valid_utf8_prefix(text), 3u);
  }
}

TEST(Utf8, ReplacesEachMaximalIllFormedPieceOnce) {
  EXPECT_EQ(replace_invalid_utf8("a\x80z"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(replace_invalid_utf8("\xF0\x9F\x98z"), "\xEF\xBF\xBDz");
  EXPECT_EQ(replace_invalid_utf8("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(replace_invalid_utf8("\xE2\x82"), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace abstractllm::base
