// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <sstream>

#include "abstractllm/parameters.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

class Completion : public CliTest {
 protected:
  // What bash would offer for the last of `words`, sorted as it comes.
  std::string bash_offers(const std::string& words) {
    const std::string script =
        folder.file("allm.bash", run({"completion", "bash"}).out);
    // Stands in for the program when models are asked for.
    const std::string test =
        folder.file("test.bash",
                    "set -eu\n"
                    "allm() { printf 'smollm2\\nqwen3\\n'; }\n"
                    "source '" +
                        script +
                        "'\n"
                        "COMP_WORDS=(" +
                        words +
                        ")\n"
                        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                        "_allm || true\n"
                        "echo \"${COMPREPLY[@]:-}\"\n");
    const std::string command = "cd '" + folder.path().string() +
                                "' && bash --norc '" + test + "' 2>&1";
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string output;
    std::array<char, 4096> buffer{};
    while (const std::size_t count =
               std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      output.append(buffer.data(), count);
    }
    EXPECT_EQ(::pclose(pipe), 0) << output;
    return output;
  }
};

TEST_F(Completion, BashOffersCommandsOptionsChoicesAndModels) {
  EXPECT_EQ(bash_offers("allm c"), "chat convert config completion\n");
  EXPECT_EQ(bash_offers("allm run --temp"), "--temperature\n");
  EXPECT_EQ(bash_offers("allm run m --cpu-backend ''"), "fast reference\n");
  EXPECT_EQ(bash_offers("allm run smo"), "smollm2\n");
  EXPECT_EQ(bash_offers("allm run m --seed ''"), "\n");
  EXPECT_EQ(bash_offers("allm completion ''"), "bash zsh fish\n");
  folder.file("text.txt", "");
  EXPECT_EQ(bash_offers("allm eval --perplexity tex"), "text.txt\n");
}

TEST_F(Completion, EveryShellKnowsEveryCommandAndParameter) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const RunResult result = run({"completion", shell});
    EXPECT_EQ(result.exit_code, 0);
    for (const char* command : {"run", "chat", "list", "show", "tokenize",
                                "embed", "bench", "eval"}) {
      EXPECT_NE(result.out.find(command), std::string::npos) << shell;
    }
    for (const std::string_view name : parameter_names()) {
      if (name == "stop_token_ids") continue;  // --stop-token-id
      std::string option(name);
      std::replace(option.begin(), option.end(), '_', '-');
      EXPECT_NE(result.out.find((shell == "fish" ? "-l " : "--") + option),
                std::string::npos)
          << shell << ' ' << option;
    }
  }
}

TEST_F(Completion, QuotesOfHelpTextsStayInsideTheirs) {
  for (const std::string shell : {"zsh", "fish"}) {
    std::istringstream lines(run({"completion", shell}).out);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#') || line.find("'\\''") != std::string::npos) {
        continue;
      }
      EXPECT_EQ(std::count(line.begin(), line.end(), '\'') % 2, 0) << line;
    }
  }
}

}  // namespace
}  // namespace abstractllm::cli
