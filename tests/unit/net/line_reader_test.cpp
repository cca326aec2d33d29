// SPDX-License-Identifier: Apache-2.0
#include "net/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::net {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> lines_of(const std::vector<std::string>& pieces) {
  LineReader reader;
  std::vector<std::string> lines;
  for (const std::string& piece : pieces) {
    reader.push(piece);
    while (auto line = reader.next()) lines.push_back(*line);
  }
  if (auto last = reader.finish()) lines.push_back(*last);
  return lines;
}

TEST(LineReader, CutsAtLineFeedsAndDropsEmptyLines) {
  EXPECT_THAT(lines_of({"{\"a\":1}\r\n\n{\"b\":2}\n\r\n"}),
              ElementsAre("{\"a\":1}", "{\"b\":2}"));
}

TEST(LineReader, TheLastLineNeedsNoEnd) {
  EXPECT_THAT(lines_of({"a\nb"}), ElementsAre("a", "b"));
  EXPECT_THAT(lines_of({"a\n"}), ElementsAre("a"));
}

TEST(LineReader, GivesTheSameLinesForEverySplit) {
  const std::string text = "one\r\ntwo\n\nthree\nfour";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_THAT(lines_of({text.substr(0, cut), text.substr(cut)}),
                ElementsAre("one", "two", "three", "four"));
  }
}

TEST(LineReader, BoundsALineButNotTheLinesTogether) {
  LineReader reader(10);
  reader.push("12345\n12345\n12345\n");
  while (reader.next()) {
  }
  reader.push("1234567890");
  EXPECT_THROW(reader.push("1"), ProviderAPIError);
}

}  // namespace
}  // namespace abstractllm::net
