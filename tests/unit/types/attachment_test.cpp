// Files become parts by what is in them.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "abstractllm/error.h"
#include "abstractllm/message.h"
#include "support/temporary_folder.h"

namespace abstractllm {
namespace {

using ::testing::HasSubstr;

class Attachment : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& bytes) {
    const auto path = folder_.path() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }
  std::string text_of(const std::string& name, const std::string& bytes) {
    return std::get<TextPart>(part_from_file(file(name, bytes))).text;
  }
  std::string refusal(const std::string& path) {
    try {
      part_from_file(path);
    } catch (const FileProcessingError& error) {
      return error.message();
    }
    return "taken";
  }

  test::TemporaryFolder folder_;
};

// Acceptance case A11, the part of files that are no images.
TEST_F(Attachment, A11TablesAndTextsAreFencedUnderTheirNames) {
  EXPECT_EQ(text_of("prices.csv", "a,b\n1,2\n"),
            "prices.csv:\n```csv\na,b\n1,2\n```\n");
  EXPECT_EQ(text_of("prices.tsv", "a\tb"), "prices.tsv:\n```tsv\na\tb\n```\n");
  EXPECT_EQ(text_of("README", "hello"), "README:\n```\nhello\n```\n");
  EXPECT_EQ(text_of("empty.txt", ""), "empty.txt:\n```txt\n\n```\n");
}

TEST_F(Attachment, AFenceIsLongerThanThoseInTheText) {
  EXPECT_EQ(text_of("a.md", "````\nx\n````"),
            "a.md:\n`````md\n````\nx\n````\n`````\n");
}

TEST_F(Attachment, AByteOrderMarkIsNotText) {
  EXPECT_EQ(text_of("a.csv",
                    "\xEF\xBB\xBF"
                    "a"),
            "a.csv:\n```csv\na\n```\n");
}

TEST_F(Attachment, A11AnImageIsKnownByItsBytes) {
  for (const char* begin : {"\x89PNG\r\n\x1A\n", "\xFF\xD8\xFF", "GIF87a",
                            "GIF89a", "RIFF1234WEBP", "BM"}) {
    const std::string path = file("picture.txt", std::string(begin) + "...");
    EXPECT_EQ(std::get<ImagePart>(part_from_file(path)).path, path) << begin;
  }
}

TEST_F(Attachment, A11WhatIsMissingOrNeitherIsRefused) {
  EXPECT_THAT(refusal((folder_.path() / "absent.csv").string()),
              HasSubstr("absent.csv"));
  EXPECT_THAT(refusal(folder_.path().string()),
              HasSubstr(folder_.path().string()));
  EXPECT_THAT(refusal(file("a.pdf", "%PDF-1.7\xFF")), HasSubstr("byte 8"));
  EXPECT_THAT(refusal(file("a.bin", std::string("ab\0c", 4))),
              HasSubstr("byte 2"));
  EXPECT_THAT(refusal(file("a.log", std::string((16U << 20) + 1, 'x'))),
              HasSubstr("16777217 bytes"));
}

}  // namespace
}  // namespace abstractllm
