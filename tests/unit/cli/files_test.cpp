// What is read from files and written to them.
// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "abstractllm/error.h"
#include "cli/atomic_file.h"
#include "cli/conversation.h"
#include "cli/text_input.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

namespace fs = std::filesystem;

class AtomicFile : public ::testing::Test {
 protected:
  TemporaryFolder folder;
};

TEST_F(AtomicFile, WritesAndReplacesWithoutLeftovers) {
  const std::string path = (folder.path() / "f").string();
  write_file_atomically(path, "one");
  write_file_atomically(path, "two");
  EXPECT_EQ(read_file(path), "two");
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"f"});
}

TEST_F(AtomicFile, KeepsTheModeAndFollowsALink) {
  const std::string path = folder.file("f", "old");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("f", folder.path() / "link");
  write_file_atomically((folder.path() / "link").string(), "new");
  EXPECT_EQ(read_file(path), "new");
  EXPECT_TRUE(fs::is_symlink(folder.path() / "link"));
  EXPECT_EQ(fs::status(path).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFile, AFullDiskLeavesTheOldFile) {
  const std::string path = folder.file("f", "old");
  // The limit stands in for a full disk; a child, because it cannot be lifted.
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file_atomically(path, std::string(5000, 'x'));
      ::_exit(1);
    } catch (const FileProcessingError&) {
      ::_exit(0);
    }
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"f"});
}

TEST_F(AtomicFile, NeverReplacesADevice) {
  EXPECT_THROW(write_file_atomically("/dev/full", "x"), FileProcessingError);
  struct stat status {};
  ASSERT_EQ(::stat("/dev/full", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
  write_file_atomically("/dev/null", "x");
}

TEST_F(AtomicFile, SaysWhyItCannot) {
  EXPECT_THROW(write_file_atomically(folder.path().string(), "x"),
               FileProcessingError);
  try {
    write_file_atomically((folder.path() / "no" / "f").string(), "x");
    FAIL();
  } catch (const FileProcessingError& error) {
    EXPECT_NE(error.message().find("No such file"), std::string::npos);
  }
}

TEST(ConversationJson, RoundTripsEveryKindOfPart) {
  Conversation conversation;
  conversation.system = "S";
  conversation.parameters.top_k = 3;
  conversation.messages = {
      Message::user("caf\xC3\xA9 \"q\"\n"),
      {Role::kUser,
       {TextPart{"look"},
        ImagePart{.bytes = std::string("\0\xFF", 2), .media_type = "image/png"},
        ImagePart{.path = "a.png"}, ImagePart{.url = "https://host/x.png"}}},
      {Role::kAssistant, {ReasoningPart{"hm", "[1]"}, TextPart{"yes"}}},
      {Role::kAssistant, {TextPart{""}, ToolCall{"1", "f", R"({"a": 1})"}}},
      {Role::kTool, {ToolResult{"1", "f", "out"}}},
  };
  const std::string json = conversation_json(conversation, "m");
  EXPECT_EQ(parse_conversation(json, "f"), conversation) << json;
  EXPECT_EQ(conversation_json(parse_conversation(json, "f"), "m"), json);
}

TEST(ConversationJson, TakesWhatOthersWrite) {
  const Conversation conversation = parse_conversation(
      R"([{"role": "developer", "content": [{"type": "text", "text": "S"}]},
          {"role": "assistant", "content": null, "refusal": null,
           "tool_calls": [{"id": "1", "type": "function",
                           "function": {"name": "f", "arguments": "{}"}}]}])",
      "f");
  EXPECT_EQ(conversation.system, "S");
  EXPECT_EQ(conversation.messages[0],
            (Message{Role::kAssistant, {ToolCall{"1", "f", "{}"}}}));
}

class BadConversation : public ::testing::TestWithParam<const char*> {};

TEST_P(BadConversation, IsRefusedWithoutQuotingIt) {
  try {
    parse_conversation(GetParam(), "file.json");
    FAIL() << GetParam();
  } catch (const InvalidRequestError& error) {
    EXPECT_EQ(error.message().find("secret"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Json, BadConversation,
    ::testing::Values(
        "", "{", "[", "null", "3", "\"secret\"", "{}", "{\"messages\": 1}",
        "[1]", "[{\"content\": \"secret\"}]", "[{\"role\": 1}]",
        "[{\"role\": \"robot\", \"content\": \"secret\"}]",
        "[{\"role\": \"user\"}]", "[{\"role\": \"user\", \"content\": 1}]",
        "[{\"role\": \"user\", \"content\": [1]}]",
        "[{\"role\": \"user\", \"content\": [{\"type\": \"video\"}]}]",
        "[{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]",
        "[{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", "
        "\"image_url\": {\"url\": \"data:image/png;base64,?\"}}]}]",
        "[{\"role\": \"assistant\", \"tool_calls\": [1]}]",
        "[{\"role\": \"assistant\", \"tool_calls\": [{\"function\": "
        "{\"name\": \"f\", \"arguments\": \"secret\"}}]}]",
        "{\"messages\": [], \"parameters\": {\"warmth\": 1}}",
        "{\"messages\": [], \"parameters\": {\"top_p\": 3}}",
        "[{\"role\": \"user\", \"content\": \"\\ud800\"}]"));

// Gives the same bytes for ever.
class EndlessInput : public Input {
 public:
  std::size_t read(char* buffer, std::size_t size) override {
    std::fill_n(buffer, size, 'x');
    return size;
  }
};

TEST(TextInput, AnEndlessPipeIsCutOff) {
  EndlessInput endless;
  EXPECT_THROW(read_text(endless, "standard input"), InvalidRequestError);
}

TEST(TextInput, TrimsBothEnds) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_TRUE(is_blank("\r\n\t "));
  EXPECT_FALSE(is_blank(" x "));
}

}  // namespace
}  // namespace abstractllm::cli
