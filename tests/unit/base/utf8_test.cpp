// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <gtest/gtest.h>

#include <iterator>
#include <string>

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

TEST(Utf8, NextCodePointReadsEveryLength) {
  const auto expect = [](std::string_view text, char32_t value,
                         std::size_t bytes) {
    const CodePoint point = next_code_point(text);
    EXPECT_EQ(point.value, value);
    EXPECT_EQ(point.bytes, bytes);
  };
  expect("", 0, 0);
  expect("ab", U'a', 1);
  expect("\xC3\xA9x", U'\u00E9', 2);
  expect("\xE2\x82\xAC", U'\u20AC', 3);
  expect("\xF0\x9F\x98\x80", U'\U0001F600', 4);
  expect("\xF4\x8F\xBF\xBF", U'\U0010FFFF', 4);
  expect("\xF0\x9F\x98z", U'\uFFFD', 3);
  expect("\x80", U'\uFFFD', 1);
}

TEST(Utf8, TruncatesBetweenCharacters) {
  const std::string_view text = "a\xC3\xA9\xF0\x9F\x98\x80z";
  const std::size_t lengths[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};
  for (std::size_t i = 0; i < std::size(lengths); ++i) {
    EXPECT_EQ(truncate_utf8(text, i), text.substr(0, lengths[i])) << i;
  }
  EXPECT_EQ(truncate_utf8("\x80\x80\x80\x80\x80", 3), "\x80\x80\x80");
}

// The streaming law: every split of every text gives the whole text's result.
TEST(Utf8Holdback, AnySplitGivesTheWholeTextsResult) {
  for (std::string_view text :
       {"a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"sv,
        "\xF0\x9F\x98\xF0\x9F\x98\x80"sv, "\xC3\xC3\xC3\xA9"sv,
        "\xE2\x82z\x80\xFF\xF0\x9F"sv, "\xF4\x90\x80\x80\xED\xA0\x80"sv,
        "\xE0\x9F\xBF\xC0\xAF"sv, "plain"sv, ""sv}) {
    const std::string expected = replace_invalid_utf8(text);
    // Bit i of `cuts`: a cut after byte i.
    const std::size_t all_cuts = std::size_t{1}
                                 << (text.empty() ? 0 : text.size() - 1);
    for (std::size_t cuts = 0; cuts < all_cuts; ++cuts) {
      Utf8Holdback holdback;
      std::string joined;
      std::size_t start = 0;
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (i + 1 < text.size() && !(cuts >> i & 1)) continue;
        const std::string whole =
            holdback.push(text.substr(start, i + 1 - start));
        EXPECT_TRUE(is_valid_utf8(whole));
        joined += whole;
        start = i + 1;
      }
      joined += holdback.finish();
      EXPECT_FALSE(holdback.holds_any());
      ASSERT_EQ(joined, expected) << "cuts " << cuts;
    }
  }
}

TEST(Utf8Holdback, HoldsOnlyWhatMayStillBecomeACharacter) {
  Utf8Holdback holdback;
  EXPECT_EQ(holdback.push("a\xF0\x9F"), "a");
  EXPECT_TRUE(holdback.holds_any());
  EXPECT_EQ(holdback.push("\x98"), "");
  EXPECT_EQ(holdback.push("\x80"), "\xF0\x9F\x98\x80");
  EXPECT_FALSE(holdback.holds_any());
  EXPECT_EQ(holdback.push("\x80"), "\xEF\xBF\xBD");
  EXPECT_EQ(holdback.finish(), "");
}

}  // namespace
}  // namespace abstractllm::base
