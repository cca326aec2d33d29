// SPDX-License-Identifier: Apache-2.0
#include "output/stop_filter.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace abstractllm::output {
namespace {

using Stops = std::vector<std::string>;

struct Outcome {
  std::string text;
  std::string stop_text;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << '"' << outcome.text << "\" stop \"" << outcome.stop_text << '"';
}

// The definition, without any streaming: the first end of a stop text, and
// there the longest.
Outcome naive(const Stops& stops, const std::string& text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const std::string* longest = nullptr;
    for (const std::string& stop : stops) {
      if (text.substr(0, end).ends_with(stop) &&
          (!longest || longest->size() < stop.size())) {
        longest = &stop;
      }
    }
    if (longest) return {text.substr(0, end - longest->size()), *longest};
  }
  return {text, ""};
}

// Runs `text` cut after each byte whose bit is set in `cuts`, and checks that
// no delta has to be taken back.
Outcome streamed(const Stops& stops, const std::string& text,
                 std::uint64_t cuts) {
  StopFilter filter(stops);
  Outcome outcome;
  const std::string whole = naive(stops, text).text;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && !(cuts >> i & 1)) continue;
    outcome.text +=
        filter.push(std::string_view(text).substr(start, i + 1 - start));
    EXPECT_TRUE(whole.starts_with(outcome.text)) << outcome.text;
    start = i + 1;
  }
  if (!filter.matched()) outcome.text += filter.finish();
  outcome.stop_text = filter.stop_text();
  return outcome;
}

TEST(StopFilter, WithoutStopTextsPassesEverything) {
  StopFilter filter;
  EXPECT_EQ(filter.push("anything"), "anything");
  EXPECT_EQ(filter.finish(), "");
  EXPECT_FALSE(filter.matched());
}

TEST(StopFilter, HoldsBackSuffixThatMayBecomeStop) {
  StopFilter filter({"STOP"});
  EXPECT_EQ(filter.push("go S"), "go ");
  EXPECT_EQ(filter.push("T"), "");
  EXPECT_EQ(filter.push("ST"), "ST");
  EXPECT_EQ(filter.push("x"), "STx");
  EXPECT_EQ(filter.push("ST"), "");
  EXPECT_EQ(filter.push("OP and more"), "");
  EXPECT_TRUE(filter.matched());
  EXPECT_EQ(filter.stop_text(), "STOP");
  EXPECT_EQ(filter.push("still more"), "");
  EXPECT_EQ(filter.finish(), "");
}

TEST(StopFilter, GivesBackWhatItHeldWhenTheTextEnds) {
  StopFilter filter({"STOP"});
  EXPECT_EQ(filter.push("a ST"), "a ");
  EXPECT_EQ(filter.push(""), "");
  EXPECT_EQ(filter.finish(), "ST");
}

TEST(StopFilter, TheFirstEndWinsAndThereTheLongest) {
  EXPECT_EQ(streamed({"abcd", "bc"}, "abcd", ~0ULL), (Outcome{"a", "bc"}));
  EXPECT_EQ(streamed({"cd", "abcd"}, "abcd", ~0ULL), (Outcome{"", "abcd"}));
  EXPECT_EQ(streamed({"abcd", "cd"}, "abcd", 0), (Outcome{"", "abcd"}));
  EXPECT_EQ(streamed({"\n\n", "\n"}, "a\n\nb", 0), (Outcome{"a", "\n"}));
}

TEST(StopFilter, FindsStopTextsThatOverlapThemselves) {
  EXPECT_EQ(streamed({"aab"}, "aaaab", ~0ULL), (Outcome{"aa", "aab"}));
  EXPECT_EQ(streamed({"abab"}, "abaabab", ~0ULL), (Outcome{"aba", "abab"}));
}

TEST(StopFilter, KeepsCharactersWhole) {
  StopFilter filter({"\xE2\x82\xAC!"});
  EXPECT_EQ(filter.push("1 \xE2\x82\xAC"), "1 ");
  EXPECT_EQ(filter.push("\xE2\x82\xAD"), "\xE2\x82\xAC\xE2\x82\xAD");
}

// The streaming law on small alphabets, where texts and stop texts collide
// often: every split of every text.
TEST(StopFilter, AnySplitGivesTheSameTextAndStop) {
  std::mt19937 random(7);
  const auto word = [&](std::size_t longest) {
    std::string text(1 + random() % longest, 'a');
    for (char& c : text) c = "ab\n"[random() % 3];
    return text;
  };
  int matches = 0;
  for (int round = 0; round < 300; ++round) {
    Stops stops(1 + random() % 3);
    for (std::string& stop : stops) stop = word(5);
    const std::string text = word(10);
    const Outcome expected = naive(stops, text);
    matches += !expected.stop_text.empty();
    for (std::uint64_t cuts = 0; cuts < 1ULL << (text.size() - 1); ++cuts) {
      ASSERT_EQ(streamed(stops, text, cuts), expected)
          << text << " cuts " << cuts;
    }
  }
  EXPECT_GT(matches, 50);
  EXPECT_LT(matches, 290);
}

TEST(StopFilter, HoldsNoMoreThanItMust) {
  StopFilter filter({"abcabd"});
  EXPECT_EQ(filter.push("xabcab"), "x");
  EXPECT_EQ(filter.push("c"), "abc");
  EXPECT_EQ(filter.push("x"), "abcx");
}

}  // namespace
}  // namespace abstractllm::output
