// The program's small parts, one by one.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "cli/interrupts.h"
#include "cli/line_source.h"
#include "cli/message_reader.h"
#include "cli/progress_bar.h"
#include "cli/report.h"
#include "cli/statistics.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

TEST(PlainLines, GiveTheSameLinesHoweverTheyArrive) {
  const std::string text = "one\r\n\ntwo caf\xC3\xA9\nlast";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    StringInput input(text, piece);
    PlainLines lines(input);
    for (const char* expected : {"one", "", "two caf\xC3\xA9", "last"}) {
      const Line line = lines.next("> ");
      EXPECT_EQ(line.kind, Line::Kind::kText);
      EXPECT_EQ(line.text, expected);
    }
    EXPECT_EQ(lines.next("> ").kind, Line::Kind::kEnd);
    EXPECT_EQ(lines.next("> ").kind, Line::Kind::kEnd);
  }
}

// Lines and interruptions as given.
class ScriptedLines : public LineSource {
 public:
  explicit ScriptedLines(std::vector<Line> lines) : lines_(std::move(lines)) {}
  Line next(std::string_view prompt) override {
    prompts.emplace_back(prompt);
    return position_ < lines_.size() ? lines_[position_++] : Line{};
  }
  std::vector<std::string> prompts;

 private:
  std::vector<Line> lines_;
  std::size_t position_ = 0;
};

TEST(MessageReader, CtrlCDropsAMessageBegun) {
  ScriptedLines lines({{Line::Kind::kText, "\"\"\"begun"},
                       {Line::Kind::kInterrupted, ""},
                       {Line::Kind::kText, "next"}});
  const Line dropped = read_message(lines, "> ", ". ");
  EXPECT_EQ(dropped.kind, Line::Kind::kInterrupted);
  EXPECT_FALSE(dropped.text.empty());
  EXPECT_EQ(read_message(lines, "> ", ". ").text, "next");
  EXPECT_EQ(lines.prompts, (std::vector<std::string>{"> ", ". ", "> "}));
}

TEST(MessageReader, CtrlCOnAnEmptyPromptIsToldApart) {
  ScriptedLines lines(
      {{Line::Kind::kInterrupted, ""}, {Line::Kind::kInterrupted, "typed"}});
  EXPECT_TRUE(read_message(lines, "> ", ". ").text.empty());
  EXPECT_FALSE(read_message(lines, "> ", ". ").text.empty());
}

TEST(ProgressBar, FitsAnyTerminalAndWipesItself) {
  for (const int columns : {1, 10, 20, 40, 80, 200}) {
    StringOutput err;
    {
      ProgressBar bar(err, "loading a-model-with-a-n\xC3\xA4me-that-is-long",
                      columns, false);
      for (int i = 0; i <= 100; ++i) bar.update(i / 100.0);
    }
    std::string line;
    for (const char character : err.text() + "\r") {
      if (character != '\r') {
        line += character;
        continue;
      }
      EXPECT_LT(line.size(), static_cast<std::size_t>(std::max(columns, 8) +
                                                      1));  // one 2-byte one
      EXPECT_TRUE(base::is_valid_utf8(line));
      line.clear();
    }
    EXPECT_TRUE(err.text().ends_with(" \r"));
    EXPECT_NE(err.text().find("100%"), std::string::npos);
  }
}

TEST(ProgressBar, HasColoursOnlyWhereTheyAreWanted) {
  for (const bool color : {false, true}) {
    StringOutput err;
    ProgressBar(err, "m", 80, color).update(0.5);
    EXPECT_EQ(err.text().find('\x1b') != std::string::npos, color);
  }
}

TEST(ProgressBar, DrawsNothingUnlessAskedAndTakesAnyShare) {
  StringOutput err;
  { const ProgressBar bar(err, "m", 80, false); }
  EXPECT_EQ(err.text(), "");
  ProgressBar bar(err, "m", 80, false);
  bar.update(-1);
  EXPECT_NE(err.text().find(" 0%"), std::string::npos);
  bar.update(7);
  EXPECT_NE(err.text().find("100%"), std::string::npos);
}

TEST(Statistics, MedianAndRange) {
  EXPECT_EQ(spread_of({3}).median, 3);
  EXPECT_EQ(spread_of({4, 1, 3}).median, 3);
  EXPECT_EQ(spread_of({4, 1, 3, 2}).median, 2.5);
  EXPECT_EQ(spread_of({4, 1, 3}).lowest, 1);
  EXPECT_EQ(spread_of({4, 1, 3}).highest, 4);
}

TEST(Suggestion, NamesACloseNameAlone) {
  const std::vector<std::string> known{"run", "chat", "tokenize"};
  EXPECT_EQ(suggestion("rnu", known), "Did you mean 'run'?");
  EXPECT_EQ(suggestion("tok", known), "Did you mean 'tokenize'?");
  EXPECT_EQ(suggestion("zzzzz", known), "");
  EXPECT_EQ(suggestion("x", known), "");
  EXPECT_EQ(suggestion("x", {}), "");
}

TEST(Interrupts, RaiseTheAnswersTokenAndQueueTheRest) {
  Interrupts interrupts(Interrupts::Mode::kTerminal);
  const CancelToken token;
  {
    const Interrupts::Answer answer(token);
    for (int i = 0; i < 3; ++i) ::raise(SIGINT);
  }
  EXPECT_TRUE(token.cancelled());
  EXPECT_FALSE(interrupts.take());
  for (int i = 0; i < 3; ++i) ::raise(SIGINT);
  EXPECT_TRUE(interrupts.take());
  EXPECT_FALSE(interrupts.take());
  ::raise(SIGINT);
  const CancelToken prepared;
  const Interrupts::Answer answer(prepared);
  EXPECT_TRUE(prepared.cancelled());
  EXPECT_FALSE(interrupts.take());
}

TEST(Interrupts, StayIgnoredWhereTheyWere) {
  const auto previous = ::signal(SIGINT, SIG_IGN);
  {
    Interrupts interrupts(Interrupts::Mode::kFilter);
    const CancelToken token;
    const Interrupts::Answer answer(token);
    ::raise(SIGINT);
    EXPECT_FALSE(token.cancelled());
  }
  EXPECT_EQ(::signal(SIGINT, previous), SIG_IGN);
}

TEST(Report, AWarningIsOneLineAndNeverThrows) {
  StringOutput err;
  report_warning(err, "engine", "two\nlines");
  EXPECT_EQ(err.text(), "allm: warning: [engine] two lines\n");
  err.fail_after(0, StringOutput::Failure::kBrokenPipe);
  report_warning(err, "engine", "unheard");
}

TEST(FileOutput, TellsAGoneReaderFromAFullDisk) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  const auto previous = ::signal(SIGPIPE, SIG_IGN);
  FileOutput pipe(ends[1], "standard output");
  EXPECT_THROW(pipe.write("x"), BrokenPipe);
  ::signal(SIGPIPE, previous);
  ::close(ends[1]);
  const int full = ::open("/dev/full", O_WRONLY);
  FileOutput disk(full, "standard output");
  EXPECT_THROW(disk.write("x"), FileProcessingError);
  ::close(full);
}

TEST(FileInput, AClosedOneIsEmpty) {
  FileInput closed(-1, "standard input");
  char byte = 0;
  EXPECT_EQ(closed.read(&byte, 1), 0u);
}

}  // namespace
}  // namespace abstractllm::cli
