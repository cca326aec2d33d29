// The program as a process: pipes, signals, terminals.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "e2e/child.h"

namespace abstractllm::test {
namespace {

namespace fs = std::filesystem;

const std::string kAllm = SCRIPTED_ALLM;

class Process : public ::testing::Test {
 protected:
  Environment environment() const {
    return {{"TERM", "xterm"}, {"HOME", folder.path().string()}};
  }
  Ended run(std::vector<std::string> arguments, std::string_view input = {}) {
    arguments.insert(arguments.begin(), kAllm);
    return run_on_pipes(arguments, input, environment());
  }
  // A shell's one-liner; $ALLM is the program.
  Ended shell(const std::string& command) {
    Environment variables = environment();
    variables.emplace_back("ALLM", kAllm);
    return run_on_pipes({"/bin/bash", "--norc", "-c", command}, {}, variables);
  }
  std::unique_ptr<Terminal> terminal(std::vector<std::string> arguments,
                                     int columns = 80,
                                     const Environment& more = {}) {
    arguments.insert(arguments.begin(), kAllm);
    Environment variables = environment();
    variables.insert(variables.end(), more.begin(), more.end());
    return std::make_unique<Terminal>(arguments, columns, variables);
  }
  bool home_is_empty() const { return fs::is_empty(folder.path()); }

  TemporaryFolder folder;
};

TEST_F(Process, AnswersAPromptAndAPipe) {
  const Ended prompt = run({"run", "scripted/echo", "hi"});
  EXPECT_EQ(prompt.exit_code, 0);
  EXPECT_EQ(prompt.out, "You said: hi\n");
  EXPECT_EQ(prompt.err, "");
  EXPECT_EQ(run({"run", "scripted/echo", "sum"}, "text\n").out,
            "You said: sum\n\ntext\n");
  EXPECT_TRUE(home_is_empty());
}

TEST_F(Process, AReaderThatGoesAwayEndsItQuietly) {
  const Ended ended = shell(
      "\"$ALLM\" run scripted/endless p | head -1; echo ${PIPESTATUS[0]}");
  EXPECT_EQ(ended.out, "line\n141\n");
  EXPECT_EQ(ended.err, "");
}

TEST_F(Process, ClosedStreamsAreNoCrash) {
  EXPECT_EQ(shell("\"$ALLM\" run scripted/echo hi <&-").out, "You said: hi\n");
  EXPECT_EQ(shell("\"$ALLM\" run scripted/echo hi >&-").exit_code, 27);
  EXPECT_EQ(shell("\"$ALLM\" run scripted/fail hi 2>&-").exit_code, 21);
  EXPECT_EQ(shell("\"$ALLM\" run scripted/echo hi 2>&-").out, "You said: hi\n");
}

TEST_F(Process, AFullDiskIsAnErrorOfOneLine) {
  const Ended full = shell("\"$ALLM\" run scripted/echo hi >/dev/full");
  EXPECT_EQ(full.exit_code, 27);
  EXPECT_EQ(full.err,
            "allm: error: [output] cannot write to standard output: No space "
            "left on device\n");
  const std::string file = (folder.path() / "out").string();
  const Ended limited =
      shell("ulimit -f 1; \"$ALLM\" run scripted/endless hi >" + file);
  EXPECT_EQ(limited.exit_code, 27);
}

TEST_F(Process, AFullDiskWhileSavingLeavesTheOldFile) {
  const std::string file = (folder.path() / "c.json").string();
  std::ofstream(file) << "old";
  const Ended ended = shell(
      "ulimit -f 1; { head -c 5000 /dev/zero | tr '\\0' x; echo; "
      "echo /save " +
      file +
      "; } | \"$ALLM\" chat scripted/echo | wc -c;"
      " exit ${PIPESTATUS[1]}");
  EXPECT_EQ(ended.exit_code, 27);
  EXPECT_NE(ended.err.find("File too large"), std::string::npos) << ended.err;
  std::ifstream saved(file);
  std::string content;
  saved >> content;
  EXPECT_EQ(content, "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST_F(Process, CtrlCStopsAnAnswerAndTheStatusIs130) {
  const auto screen = terminal({"run", "scripted/waits", "p"});
  screen->wait_for("partial");
  screen->type("\x03");
  const Ended ended = screen->wait();
  EXPECT_EQ(ended.exit_code, 130);
  EXPECT_TRUE(ended.out.ends_with("partial^C\r\n") ||
              ended.out.ends_with("partial\r\n"))
      << ended.out;
}

TEST_F(Process, ASecondCtrlCEndsWhatDoesNotStop) {
  const auto screen = terminal({"run", "scripted/deaf", "p"});
  screen->wait_for("partial");
  screen->type("\x03");
  screen->wait_for("heard");
  screen->type("\x03");
  EXPECT_EQ(screen->wait().exit_code, 130);
}

TEST_F(Process, CtrlCWhileLoadingEndsTheProgram) {
  const auto screen = terminal({"run", "loads-for-ever", "p"});
  screen->wait_for("50%");
  screen->type("\x03");
  EXPECT_EQ(screen->wait().exit_code, 130);
}

TEST_F(Process, ProgressFitsANarrowTerminalAndIsWiped) {
  for (const bool plain : {false, true}) {
    const auto screen =
        terminal({"run", "echo", "hi"}, 40,
                 plain ? Environment{{"NO_COLOR", "1"}} : Environment{});
    const std::string shown = screen->wait().out;
    EXPECT_EQ(shown.find('\x1b') != std::string::npos, !plain) << shown;
    EXPECT_NE(shown.find("100%"), std::string::npos);
    EXPECT_TRUE(shown.ends_with("\rYou said: hi\r\n")) << shown;
    if (!plain) continue;
    std::istringstream pieces(shown);
    for (std::string piece; std::getline(pieces, piece, '\r');) {
      EXPECT_LT(piece.size(), 40u) << piece;
    }
  }
}

TEST_F(Process, HelpFitsANarrowTerminal) {
  const auto screen = terminal({"chat", "--help"}, 40);
  std::istringstream lines(screen->wait().out);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 41u) << line;  // with its carriage return
  }
}

class ChatTerminal : public Process {};

TEST_F(ChatTerminal, TurnsAndTheWayOut) {
  const auto screen = terminal({"chat", "scripted/echo"});
  screen->wait_for("/help lists the commands");
  screen->wait_for("> ");
  screen->type("hello\r");
  screen->wait_for("You said: hello\r\n");
  screen->wait_for("> ");
  screen->type("\x04");
  EXPECT_EQ(screen->wait().exit_code, 0);
  EXPECT_TRUE(home_is_empty());
}

TEST_F(ChatTerminal, CtrlCStopsTheAnswerAndNotTheProgram) {
  const auto screen = terminal({"chat", "scripted/waits"});
  for (int i = 0; i < 3; ++i) {
    screen->wait_for("> ");
    screen->type("go\r");
    screen->wait_for("partial");
    screen->type("\x03");
  }
  screen->wait_for("> ");
  screen->type("quick\r");
  screen->wait_for("done\r\n");
  screen->wait_for("> ");
  screen->type("/exit\r");
  EXPECT_EQ(screen->wait().exit_code, 0);
}

TEST_F(ChatTerminal, CtrlCTwiceAtAnEmptyPromptLeaves) {
  const auto screen = terminal({"chat", "scripted/echo"});
  screen->wait_for("> ");
  // The terminal itself forgets what is typed and not yet read at a Ctrl-C.
  screen->type("dropped");
  screen->wait_for("dropped");
  screen->type("\x03");
  screen->wait_for("^C");
  screen->wait_for("> ");
  screen->type("\x03");
  screen->wait_for("Ctrl-C once more");
  screen->wait_for("> ");
  screen->type("kept\r");
  screen->wait_for("You said: kept\r\n");
  screen->wait_for("> ");
  screen->type("\x03");
  screen->wait_for("Ctrl-C once more");
  screen->wait_for("> ");
  screen->type("\x03");
  EXPECT_EQ(screen->wait().exit_code, 130);
}

TEST_F(ChatTerminal, LinesCanBeEditedAndRecalled) {
  const auto screen = terminal({"chat", "scripted/echo"});
  screen->wait_for("> ");
  screen->type("wrld\x02\x02\x02o\r");  // Ctrl-B: one character back
  screen->wait_for("You said: world\r\n");
  screen->wait_for("> ");
  screen->type("\x10\r");  // Ctrl-P: the line before
  screen->wait_for("You said: world\r\n");
}

TEST_F(ChatTerminal, TypedCharactersAreUtf8InAnyLocale) {
  for (const char* locale : {"C", "C.UTF-8"}) {
    const auto screen =
        terminal({"chat", "scripted/echo"}, 80, {{"LC_ALL", locale}});
    screen->wait_for("> ");
    screen->type("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\r");
    screen->wait_for("You said: caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\r\n");
  }
}

TEST_F(ChatTerminal, SeveralLinesAreOneMessage) {
  const auto screen = terminal({"chat", "scripted/echo"});
  screen->wait_for("> ");
  screen->type("\"\"\"a\r");
  screen->wait_for(". ");
  screen->type("b\"\"\"\r");
  screen->wait_for("You said: a\r\nb\r\n");
}

TEST_F(ChatTerminal, HistoryIsKeptWhereItIsWanted) {
  const std::string file = (folder.path() / "history").string();
  for (const char* line : {"first", "second"}) {
    const auto screen = terminal({"chat", "scripted/echo", "--history", file});
    screen->wait_for("> ");
    screen->type(std::string(line) + "\r");
    screen->wait_for("You said: ");
    screen->wait_for("> ");
    screen->type("\x04");
    screen->wait();
  }
  const auto screen = terminal({"chat", "scripted/echo", "--history", file});
  screen->wait_for("> ");
  screen->type("\x10\x10\r");
  screen->wait_for("You said: first\r\n");
}

TEST_F(ChatTerminal, AHistoryThatCannotBeWrittenIsANote) {
  for (const std::string& file :
       {(folder.path() / "none" / "history").string(), std::string("/dev/full"),
        folder.path().string()}) {
    const auto screen = terminal({"chat", "scripted/echo", "--history", file});
    screen->wait_for("> ");
    screen->type("hello\r");
    screen->wait_for("You said: hello\r\n");
    screen->wait_for("> ");
    EXPECT_NE(screen->shown().find("allm: note: "), std::string::npos) << file;
    screen->type("\x04");
    EXPECT_EQ(screen->wait().exit_code, 0);
  }
}

TEST_F(ChatTerminal, ManyTurnsDoNotGrow) {
  const auto peak = [this](int turns) {
    std::string lines;
    for (int i = 0; i < turns; ++i) lines += "a question of some words\n";
    const Ended ended = run_on_pipes({kAllm, "chat", "scripted/echo"}, lines,
                                     freeing_memory(environment()));
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_EQ(std::count(ended.out.begin(), ended.out.end(), '\n'), turns);
    return ended.peak_kilobytes;
  };
  const long few = peak(10);
  EXPECT_LT(peak(300), few + 4 * 1024);
}

}  // namespace
}  // namespace abstractllm::test
