// SPDX-License-Identifier: Apache-2.0
#include "base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "abstractllm/error.h"

namespace abstractllm::base {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public testing::Test {
 protected:
  MappedFileTest() {
    std::string pattern = (fs::temp_directory_path() / "allm-XXXXXX").string();
    descriptor_ = ::mkstemp(pattern.data());
    path_ = pattern;
  }
  ~MappedFileTest() override {
    ::close(descriptor_);
    fs::remove(path_);
  }
  void write(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
  }

  static std::string text(const MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()),
            file.bytes().size()};
  }

  int descriptor_ = -1;
  fs::path path_;
};

TEST_F(MappedFileTest, HoldsTheBytesOfTheFile) {
  write("hello");
  const auto file = MappedFile::open(path_);
  EXPECT_EQ(text(*file), "hello");
  EXPECT_EQ(file->path(), path_);
}

TEST_F(MappedFileTest, OutlivesTheRemovalOfTheFile) {
  write("hello");
  const auto file = MappedFile::open(path_);
  const fs::path renamed = path_.string() + "-renamed";
  fs::rename(path_, renamed);
  fs::remove(renamed);
  EXPECT_EQ(text(*file), "hello");
}

TEST_F(MappedFileTest, IsEmptyForAnEmptyFile) {
  EXPECT_TRUE(MappedFile::open(path_)->bytes().empty());
}

TEST_F(MappedFileTest, KeepsItsBytesThroughEveryHint) {
  const std::string content(100'000, 'x');
  write(content);
  const auto file = MappedFile::open(path_);
  file->advise_sequential();
  file->advise_willneed(file->bytes().subspan(10, 5'000));
  file->advise_dontneed(file->bytes().subspan(5, 60'000));
  file->advise_dontneed(file->bytes().subspan(50'000));
  file->advise_dontneed({});
  EXPECT_EQ(text(*file), content);
}

TEST_F(MappedFileTest, InMemoryKeepsItsBytesThroughEveryHint) {
  const std::string content(100'000, 'x');
  const auto file =
      MappedFile::in_memory(std::as_bytes(std::span(content)), "name");
  file->advise_sequential();
  file->advise_dontneed(file->bytes());
  EXPECT_EQ(text(*file), content);
  EXPECT_EQ(file->path(), "name");
}

TEST_F(MappedFileTest, NamesWhatItCannotRead) {
  for (const fs::path& path :
       {fs::path("/nonexistent/file"), fs::temp_directory_path(),
        fs::path("/dev/null")}) {
    try {
      MappedFile::open(path);
      ADD_FAILURE() << path;
    } catch (const FileProcessingError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(path.string()));
    }
  }
}

}  // namespace
}  // namespace abstractllm::base
