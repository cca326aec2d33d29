// SPDX-License-Identifier: Apache-2.0
#include "output/text_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace abstractllm::output {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TokenLogprob token(std::int32_t id) {
  TokenLogprob logprob;
  logprob.token_id = id;
  return logprob;
}

std::vector<std::int32_t> ids(const std::optional<TextDelta>& delta) {
  std::vector<std::int32_t> list;
  if (delta) {
    for (const TokenLogprob& logprob : delta->logprobs) {
      list.push_back(logprob.token_id);
    }
  }
  return list;
}

std::string text(const std::optional<TextDelta>& delta) {
  return delta ? delta->text : "(none)";
}

TEST(TextStream, PassesTextAndLogprobs) {
  TextStream stream;
  const auto first = stream.push("Hel", token(1));
  EXPECT_EQ(text(first), "Hel");
  EXPECT_THAT(ids(first), ElementsAre(1));
  const auto second = stream.push("lo");
  EXPECT_EQ(text(second), "lo");
  EXPECT_THAT(ids(second), IsEmpty());
  EXPECT_EQ(text(stream.finish()), "(none)");
  EXPECT_FALSE(stream.stopped());
}

TEST(TextStream, CollectsTheTokensOfACharacterThatIsSplit) {
  TextStream stream;
  EXPECT_EQ(text(stream.push("\xF0\x9F", token(1))), "(none)");
  EXPECT_EQ(text(stream.push("\x98", token(2))), "(none)");
  const auto delta = stream.push("\x80!", token(3));
  EXPECT_EQ(text(delta), "\xF0\x9F\x98\x80!");
  EXPECT_THAT(ids(delta), ElementsAre(1, 2, 3));
}

TEST(TextStream, ReplacesBytesThatNeverBecomeACharacter) {
  TextStream stream;
  EXPECT_EQ(text(stream.push("a\xF0\x9F", token(1))), "a");
  const auto last = stream.finish();
  EXPECT_EQ(text(last), "\xEF\xBF\xBD");
}

TEST(TextStream, LogprobsWaitForTheBeginningOfTheirText) {
  TextStream stream({"\n\n"});
  EXPECT_EQ(text(stream.push("a\n", token(1))), "a");
  const auto held = stream.push("", token(2));
  EXPECT_EQ(text(held), "(none)");
  const auto released = stream.push("b", token(3));
  EXPECT_EQ(text(released), "\nb");
  EXPECT_THAT(ids(released), ElementsAre(2, 3));
}

TEST(TextStream, DropsTheTokensOfTheStopText) {
  TextStream stream({"END"});
  EXPECT_THAT(ids(stream.push("ab ", token(1))), ElementsAre(1));
  const auto part = stream.push("cE", token(2));
  EXPECT_EQ(text(part), "c");
  EXPECT_THAT(ids(part), ElementsAre(2));
  EXPECT_EQ(text(stream.push("N", token(3))), "(none)");
  EXPECT_EQ(text(stream.push("D etc", token(4))), "(none)");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.stop_text(), "END");
  EXPECT_EQ(text(stream.push("more", token(5))), "(none)");
  EXPECT_EQ(text(stream.finish()), "(none)");
}

TEST(TextStream, EndsWithWhatWasHeldAndTheTokensWithoutText) {
  TextStream stream({"END"});
  EXPECT_EQ(text(stream.push("aE", token(1))), "a");
  EXPECT_EQ(text(stream.push("", token(2))), "(none)");
  const auto last = stream.finish();
  EXPECT_EQ(text(last), "E");
  EXPECT_THAT(ids(last), ElementsAre(2));

  TextStream silent;
  EXPECT_EQ(text(silent.push("", token(9))), "(none)");
  const auto only = silent.finish();
  EXPECT_EQ(text(only), "");
  EXPECT_THAT(ids(only), ElementsAre(9));
}

TEST(TextStream, AStopTextMayEndInTheLastReplacedByte) {
  TextStream stream({"\xEF\xBF\xBD"});
  EXPECT_EQ(text(stream.push("a\xF0", token(1))), "a");
  EXPECT_EQ(text(stream.finish()), "(none)");
  EXPECT_TRUE(stream.stopped());
}

// The streaming law: text, and the tokens that leave, for every split.
TEST(TextStream, AnySplitGivesTheSameTextAndTokensInOrder) {
  const std::string euro = "\xE2\x82\xAC";
  const std::string answer =
      "\xC3\xA9 \xFF"
      "ENx" +
      euro + "END.";
  const std::string expected =
      "\xC3\xA9 \xEF\xBF\xBD"
      "ENx" +
      euro;
  for (std::size_t cuts = 0; cuts < 1ULL << (answer.size() - 1); ++cuts) {
    TextStream stream({"END"});
    std::string joined;
    std::vector<std::int32_t> seen;
    std::int32_t next = 0;
    std::size_t start = 0;
    const auto take = [&](const std::optional<TextDelta>& delta) {
      if (!delta) return;
      EXPECT_TRUE(base::is_valid_utf8(delta->text));
      joined += delta->text;
      for (const std::int32_t id : ids(delta)) seen.push_back(id);
    };
    for (std::size_t i = 0; i < answer.size(); ++i) {
      if (i + 1 < answer.size() && !(cuts >> i & 1)) continue;
      take(stream.push(answer.substr(start, i + 1 - start), token(next++)));
      start = i + 1;
    }
    take(stream.finish());
    ASSERT_EQ(joined, expected) << "cuts " << cuts;
    ASSERT_EQ(stream.stop_text(), "END");
    for (std::size_t i = 0; i < seen.size(); ++i) {
      ASSERT_EQ(seen[i], static_cast<std::int32_t>(i));
    }
  }
}

}  // namespace
}  // namespace abstractllm::output
