// Help texts, and the documentation made of them.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "abstractllm/parameters.h"
#include "cli_harness.h"
#include "support/source_folder.h"

namespace abstractllm::cli {
namespace {

const std::vector<std::string> kCommands{
    "run",   "chat",    "sessions", "list",   "providers",  "pull",
    "rm",    "convert", "quantize", "show",   "doctor",     "tokenize",
    "embed", "bench",   "eval",     "config", "completion", "help"};

class Help : public CliTest {
 protected:
  std::string help(const std::string& command) {
    const RunResult result =
        command.empty() ? run({"--help"}) : run({command, "--help"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    return result.out;
  }

  static std::size_t longest_line(const std::string& text) {
    std::istringstream lines(text);
    std::size_t longest = 0;
    for (std::string line; std::getline(lines, line);) {
      longest = std::max(longest, line.size());
    }
    return longest;
  }
};

TEST_F(Help, FitsTheTerminal) {
  for (const std::string& command : kCommands) {
    columns = 80;
    EXPECT_LE(longest_line(help(command)), 80u) << command;
    columns = 40;
    EXPECT_LE(longest_line(help(command)), 40u) << help(command);
  }
}

TEST_F(Help, IsTheSameAsACommandAndBesideMistakes) {
  for (const std::string& command : kCommands) {
    EXPECT_EQ(run({"help", command}).out, help(command));
    EXPECT_NE(help("").find("  " + command), std::string::npos);
  }
  EXPECT_EQ(run({"help"}).out, help(""));
  EXPECT_EQ(run({"run", "m", "-h"}).out, help("run"));
}

TEST_F(Help, KnowsEveryParameter) {
  for (const std::string command : {"run", "chat"}) {
    const std::string text = help(command);
    for (const std::string_view name : parameter_names()) {
      std::string option = "--" + std::string(name);
      std::replace(option.begin(), option.end(), '_', '-');
      if (option == "--stop-token-ids") option = "--stop-token-id";
      EXPECT_NE(text.find("  " + option + ' '), std::string::npos) << option;
    }
    // What the table of help texts lacks is shown with this value.
    EXPECT_EQ(text.find(" VALUE"), std::string::npos) << text;
  }
}

// docs/cli.md holds each help text between a line "<!-- help: NAME -->" and
// the end of the code block after it.
TEST_F(Help, DocumentationShowsTheHelpOfEachCommand) {
  const std::string file =
      (abstractllm::test::source_folder() / "docs/cli.md").string();
  std::string document = read_file(file);
  std::string expected = document;
  std::vector<std::string> names{""};
  names.insert(names.end(), kCommands.begin(), kCommands.end());
  for (const std::string& name : names) {
    const std::string mark =
        "<!-- help: " + (name.empty() ? "allm" : name) + " -->\n```text\n";
    const std::size_t start = expected.find(mark);
    ASSERT_NE(start, std::string::npos) << "docs/cli.md lacks " << mark;
    const std::size_t text = start + mark.size();
    const std::size_t end = expected.find("```\n", text);
    ASSERT_NE(end, std::string::npos);
    expected.replace(text, end - text, help(name));
  }
  if (std::getenv("ABSTRACTLLM_UPDATE_DOCS") != nullptr) {
    std::ofstream(file, std::ios::binary) << expected;
    document = expected;
  }
  EXPECT_EQ(document, expected)
      << "Run cli_test with ABSTRACTLLM_UPDATE_DOCS=1 to update docs/cli.md.";
}

}  // namespace
}  // namespace abstractllm::cli
