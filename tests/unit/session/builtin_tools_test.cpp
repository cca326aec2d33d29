// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <filesystem>

#include "abstractllm/error.h"
#include "abstractllm/tools.h"
#include "session/calculator.h"
#include "session/child_process.h"
#include "support/temporary_folder.h"

namespace abstractllm {
namespace {

namespace fs = std::filesystem;

class FileTools : public ::testing::Test {
 protected:
  FileTools() {
    fs::create_directories(root() / "sub");
    folder.file("root/a.txt", "hello");
    folder.file("root/sub/b.txt", "there");
    folder.file("secret.txt", "key");
    fs::create_symlink("../secret.txt", root() / "link.txt");
    fs::create_symlink("..", root() / "up");
    fs::create_symlink("sub", root() / "inner");
  }
  fs::path root() const { return folder.path() / "root"; }
  std::string run(const char* name, const std::string& path) const {
    return builtin_tool(name, {.root = root()})
        .handler(R"({"path":")" + path + "\"}", {});
  }
  std::string refused(const char* name, const std::string& path) const {
    try {
      return "(given: " + run(name, path) + ")";
    } catch (const FileProcessingError& error) {
      return error.message();
    }
  }

  test::TemporaryFolder folder;
};

TEST_F(FileTools, ReadAndListBelowTheRoot) {
  EXPECT_EQ(run("read_file", "a.txt"), "hello");
  EXPECT_EQ(run("read_file", "./sub//b.txt"), "there");
  EXPECT_EQ(run("list_files", "."), "a.txt\ninner\nlink.txt\nsub/\nup");
  EXPECT_EQ(run("list_files", "sub"), "b.txt");
  EXPECT_EQ(builtin_tool("list_files", {.root = root()}).handler("{}", {}),
            "a.txt\ninner\nlink.txt\nsub/\nup");
}

// Acceptance case A9: path traversal is refused.
TEST_F(FileTools, A9WhatIsNotBelowTheRootIsRefused) {
  for (const char* path : {"../secret.txt", "sub/../../secret.txt",
                           "a.txt/../../secret.txt", ".."}) {
    EXPECT_NE(refused("read_file", path).find("'..' is refused"),
              std::string::npos)
        << path;
  }
  for (const char* path : {"link.txt", "up/secret.txt", "inner/b.txt"}) {
    EXPECT_NE(refused("read_file", path).find("links are not followed"),
              std::string::npos)
        << path << refused("read_file", path);
  }
  EXPECT_NE(refused("list_files", "up").find("links are not followed"),
            std::string::npos);
  EXPECT_NE(refused("read_file", "/etc/hostname").find("absolute"),
            std::string::npos);
  EXPECT_NE(refused("read_file", "a.txt\\u0000.png").find("not a path"),
            std::string::npos);
}

TEST_F(FileTools, WhatIsNoTextFileIsRefused) {
  EXPECT_NE(refused("read_file", "sub").find("directory"), std::string::npos);
  EXPECT_NE(refused("read_file", "none").find("No such file"),
            std::string::npos);
  folder.file("root/image.png", "\x89PNG\xFF\xFE");
  EXPECT_NE(refused("read_file", "image.png").find("not UTF-8"),
            std::string::npos);
  ASSERT_EQ(::mkfifo((root() / "pipe").c_str(), 0600), 0);
  EXPECT_NE(refused("read_file", "pipe").find("not a regular file"),
            std::string::npos);
}

TEST_F(FileTools, ALongFileIsCutAtACharacter) {
  std::string text;
  while (text.size() < 70000) text += "caf\xC3\xA9";
  folder.file("root/long.txt", text);
  const std::string given = run("read_file", "long.txt");
  EXPECT_TRUE(given.ends_with(" of 70000 bytes]")) << given.substr(65500);
  EXPECT_LT(given.size(), 65600u);
}

TEST(BuiltinTools, AskWhereTheyReadFilesAndNeedARoot) {
  EXPECT_THROW(builtin_tool("read_file"), InvalidRequestError);
  EXPECT_THROW(builtin_tool("read_file", {.root = "/no/such/folder"}),
               FileProcessingError);
  EXPECT_THROW(builtin_tool("rm"), InvalidRequestError);
  EXPECT_TRUE(builtin_tool("list_files", {.root = "/"}).needs_confirmation);
  EXPECT_FALSE(builtin_tool("calculator").needs_confirmation);
  ToolRegistry tools;
  for (const std::string& name : builtin_tool_names()) {
    tools.add(builtin_tool(name, {.root = "/"}));
  }
  EXPECT_EQ(tools.definitions().size(), 4u);
}

TEST(BuiltinTools, TheTimeIsThatOfTheClock) {
  const Tool tool = builtin_tool(
      "current_time", {.now_ms = []() -> std::int64_t { return 0; }});
  EXPECT_EQ(tool.handler("{}", {}), "1970-01-01T00:00:00.000Z");
}

TEST(Calculator, KnowsPrecedenceAndFunctions) {
  const std::pair<const char*, double> cases[] = {
      {"1+2*3", 7},       {"(1+2)*3", 9},
      {"-2^2", -4},       {"2^3^2", 512},
      {"2^-1", 0.5},      {"2**3", 8},
      {"7%4-1", 2},       {"1e3/4", 250},
      {" .5 * 4 ", 2},    {"sqrt(16)", 4},
      {"min(3, 1+1)", 2}, {"round(2.5)", 3},
      {"--3", 3},         {"10-2-3", 5},
      {"100/10/2", 5},    {"2*(3+sqrt(16))^2", 98}};
  for (const auto& [text, value] : cases) {
    EXPECT_DOUBLE_EQ(session::calculate(text), value) << text;
  }
  EXPECT_NEAR(session::calculate("cos(pi)+ln(e)"), 0, 1e-12);
  EXPECT_EQ(builtin_tool("calculator").handler(R"({"expression":"1/4"})", {}),
            "0.25");
}

TEST(Calculator, NamesThePlaceOfAMistake) {
  for (const char* bad :
       {"", "1+", "(1", "1)", "2 3", "foo(1)", "sqrt 2", "min(1)", "sin(1,2)",
        "1/0", "sqrt(-1)", "inf", "nan", "0x10", "9^9^9^9", "1..2"}) {
    EXPECT_THROW(session::calculate(bad), InvalidRequestError) << bad;
  }
  try {
    session::calculate("1 + * 2");
  } catch (const InvalidRequestError& error) {
    EXPECT_EQ(error.message(), "a number is expected at character 5");
  }
  EXPECT_THROW(session::calculate(std::string(100000, '(')),
               InvalidRequestError);
  EXPECT_THROW(session::calculate(std::string(100000, '-') + "1"),
               InvalidRequestError);
}

TEST(SplitCommand, DividesAsAShellDoes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(session::split_command("a  b\tc"), (Words{"a", "b", "c"}));
  EXPECT_EQ(session::split_command(R"(run "two words" 'it"s' a\ b "")"),
            (Words{"run", "two words", "it\"s", "a b", ""}));
  EXPECT_EQ(session::split_command("a $HOME; *"), (Words{"a", "$HOME;", "*"}));
  EXPECT_THROW(session::split_command("a 'b"), InvalidRequestError);
}

}  // namespace
}  // namespace abstractllm
