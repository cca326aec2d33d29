// SPDX-License-Identifier: Apache-2.0
#include "net/sse_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<SseEvent> drain(SseReader& reader) {
  std::vector<SseEvent> events;
  while (auto event = reader.next()) events.push_back(*event);
  return events;
}

std::vector<SseEvent> read_whole(std::string_view text) {
  SseReader reader;
  reader.push(text);
  return drain(reader);
}

TEST(SseReader, ReadsFieldsUpToTheEmptyLine) {
  EXPECT_THAT(read_whole("event: ping\nid: 7\ndata: {\"a\":1}\n\n"),
              ElementsAre(SseEvent{"ping", "{\"a\":1}", "7"}));
}

TEST(SseReader, JoinsDataLinesAndStripsOneSpace) {
  EXPECT_THAT(read_whole("data: a\ndata:  b\ndata:c\ndata\n\n"),
              ElementsAre(SseEvent{"message", "a\n b\nc\n", ""}));
}

TEST(SseReader, KeepsAnEmptyDataLineAsAnEvent) {
  EXPECT_THAT(
      read_whole("data\n\ndata:\n\n"),
      ElementsAre(SseEvent{"message", "", ""}, SseEvent{"message", "", ""}));
}

TEST(SseReader, SkipsCommentsUnknownFieldsAndEventsWithoutData) {
  EXPECT_THAT(read_whole(": hello\n\nevent: x\n\nfoo: bar\n:\ndata: 1\n\n"),
              ElementsAre(SseEvent{"message", "1", ""}));
}

TEST(SseReader, TakesEveryLineEnd) {
  const std::vector<SseEvent> expected{{"e", "1\n2", ""}, {"message", "3", ""}};
  EXPECT_EQ(read_whole("event:e\ndata:1\ndata:2\n\ndata:3\n\n"), expected);
  EXPECT_EQ(read_whole("event:e\r\ndata:1\r\ndata:2\r\n\r\ndata:3\r\n\r\n"),
            expected);
  EXPECT_EQ(read_whole("event:e\rdata:1\rdata:2\r\rdata:3\r\r"), expected);
  EXPECT_EQ(read_whole("event:e\r\ndata:1\rdata:2\n\r\ndata:3\n\r"), expected);
}

TEST(SseReader, SkipsOneByteOrderMark) {
  EXPECT_THAT(read_whole("\xEF\xBB\xBF"
                         "data: 1\n\n"),
              ElementsAre(SseEvent{"message", "1", ""}));
  EXPECT_THAT(read_whole("\xEF\xBB\xBF\xEF\xBB\xBF"
                         "data: 1\n\n"),
              IsEmpty());
  EXPECT_THAT(read_whole("\xEF\xBB: 1\n\ndata: 2\n\n"),
              ElementsAre(SseEvent{"message", "2", ""}));
}

TEST(SseReader, RemembersTheIdAndRefusesOneWithNul) {
  EXPECT_THAT(
      read_whole(std::string("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n"
                             "id\ndata: c\n\n",
                             43)),
      ElementsAre(SseEvent{"message", "a", "1"}, SseEvent{"message", "b", "1"},
                  SseEvent{"message", "c", ""}));
}

TEST(SseReader, TakesARetryOfDigitsOnly) {
  SseReader reader;
  reader.push("retry: 2500\n");
  EXPECT_EQ(reader.retry_ms(), 2500);
  reader.push("retry: 1s\nretry: -3\nretry: 99999999999\n");
  EXPECT_EQ(reader.retry_ms(), 2500);
}

TEST(SseReader, DropsAnEventThatTheEndCutsOff) {
  SseReader reader;
  reader.push("data: 1\n\ndata: 2\n");
  EXPECT_EQ(drain(reader).size(), 1U);
  EXPECT_TRUE(reader.holds_part());
}

TEST(SseReader, GivesTheSameEventsForEverySplit) {
  const std::string text =
      "\xEF\xBB\xBF: c\r\nevent: a\r\ndata: 1\r\ndata: \xC3\xA9\r\n\r\n"
      "data: 2\rid: 9\r\rdata: 3\n\n";
  const std::vector<SseEvent> expected = read_whole(text);
  ASSERT_EQ(expected.size(), 3U);
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      SseReader reader;
      reader.push(text.substr(0, first));
      reader.push(text.substr(first, second - first));
      reader.push(text.substr(second));
      EXPECT_EQ(drain(reader), expected) << first << ' ' << second;
    }
  }
  SseReader reader;
  for (const char c : text) reader.push(std::string_view(&c, 1));
  EXPECT_EQ(drain(reader), expected);
}

TEST(SseReader, TakesALargeEventAndRefusesOneOverTheBound) {
  SseReader reader(1000);
  reader.push("data: " + std::string(900, 'x') + "\n\n");
  EXPECT_EQ(drain(reader).at(0).data.size(), 900U);
  EXPECT_THROW(reader.push("data: " + std::string(1000, 'x')),
               ProviderAPIError);
  SseReader lines(1000);
  EXPECT_THROW(
      {
        for (int i = 0; i < 1000; ++i) lines.push("data: 12345\n");
      },
      ProviderAPIError);
  SseReader endless(1000);
  EXPECT_THROW(
      {
        for (int i = 0; i < 1001; ++i) endless.push("x");
      },
      ProviderAPIError);
}

}  // namespace
}  // namespace abstractllm::net
