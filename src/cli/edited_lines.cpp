// Line editing and history through libedit.
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <histedit.h>
#include <langinfo.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "cli/atomic_file.h"
#include "cli/line_source.h"
#include "cli/text_input.h"

namespace abstractllm::cli {
namespace {

constexpr int kHistoryEntries = 1000;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end != 0) lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// The history file: one entry a line, the newest last.
class HistoryFile {
 public:
  explicit HistoryFile(std::string path) : path_(std::move(path)) {}

  std::vector<std::string> read() const {
    if (path_.empty() ||
        (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT)) {
      return {};
    }
    std::vector<std::string> lines = lines_of(read_text_file(path_));
    if (lines.size() <= 2 * kHistoryEntries) return lines;
    lines.erase(lines.begin(), lines.end() - kHistoryEntries);
    std::string kept;
    for (const std::string& line : lines) kept += line + '\n';
    write_file_atomically(path_, kept);
    return lines;
  }

  // A whole line in one write, so that two chats can share the file.
  void append(std::string_view entry) const {
    if (path_.empty()) return;
    const int descriptor =
        ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const std::string line = std::string(entry) + '\n';
    const bool written =
        descriptor >= 0 && ::write(descriptor, line.data(), line.size()) ==
                               static_cast<ssize_t>(line.size());
    const int error = errno;
    if (descriptor >= 0) ::close(descriptor);
    if (!written) {
      throw FileProcessingError(
          fmt::format("[chat] cannot write the history file '{}': {}", path_,
                      std::generic_category().message(error)));
    }
  }

 private:
  std::string path_;
};

// libedit writes what is typed in the encoding of the locale. In a bare
// container that is ASCII.
void use_utf8_locale() {
  std::setlocale(LC_CTYPE, "");
  if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
}

class EditedLines : public LineSource {
 public:
  EditedLines(std::string history_file, Interrupts& interrupts)
      : interrupts_(interrupts), file_(std::move(history_file)) {
    const std::vector<std::string> entries = file_.read();
    use_utf8_locale();
    history_ = ::history_init();
    editor_ = ::el_init("allm", stdin, stdout, stderr);
    HistEvent event;
    ::history(history_, &event, H_SETSIZE, kHistoryEntries);
    ::history(history_, &event, H_SETUNIQUE, 1);
    for (const std::string& entry : entries) {
      ::history(history_, &event, H_ENTER, entry.c_str());
    }
    ::el_set(editor_, EL_CLIENTDATA, this);
    ::el_set(editor_, EL_EDITOR, "emacs");
    ::el_set(editor_, EL_SIGNAL, 0);
    ::el_set(editor_, EL_HIST, ::history, history_);
    ::el_set(editor_, EL_PROMPT, &EditedLines::prompt);
    ::el_set(editor_, EL_GETCFN, &EditedLines::read_character);
    ::el_source(editor_, nullptr);
  }
  ~EditedLines() override {
    ::el_end(editor_);
    ::history_end(history_);
  }
  EditedLines(const EditedLines&) = delete;
  EditedLines& operator=(const EditedLines&) = delete;

  Line next(std::string_view prompt) override {
    prompt_ = prompt;
    interrupted_ = false;
    typed_.clear();
    // Before the prompt, which libedit shows first: what is typed at sight of
    // it must not meet the terminal's own line editing.
    ::el_set(editor_, EL_PREP_TERM, 1);
    int count = 0;
    const char* line = ::el_gets(editor_, &count);
    if (interrupted_) {
      std::fputs("^C\n", stdout);
      std::fflush(stdout);
      return {Line::Kind::kInterrupted, typed_};
    }
    if (line == nullptr || count <= 0) {
      std::fputc('\n', stdout);
      std::fflush(stdout);
      return {Line::Kind::kEnd, {}};
    }
    std::string text(line, static_cast<std::size_t>(count));
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return {Line::Kind::kText, std::move(text)};
  }

  void remember(std::string_view entry) override {
    HistEvent event;
    ::history(history_, &event, H_ENTER, std::string(entry).c_str());
    file_.append(entry);
  }

 private:
  static EditedLines& of(EditLine* editor) {
    void* self = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<EditedLines*>(self);
  }

  static char* prompt(EditLine* editor) { return of(editor).prompt_.data(); }

  static int read_character(EditLine* editor, wchar_t* character) {
    return of(editor).read(character);
  }

  // libedit's own reader would lose a Ctrl-C that comes just before its
  // read(); poll sees both.
  int read(wchar_t* character) {
    while (true) {
      pollfd sources[2] = {{STDIN_FILENO, POLLIN, 0},
                           {interrupts_.descriptor(), POLLIN, 0}};
      if (::poll(sources, 2, -1) < 0 && errno != EINTR) return -1;
      if (interrupts_.take()) {
        const LineInfo* info = ::el_line(editor_);
        typed_.assign(info->buffer, info->lastchar);
        interrupted_ = true;
        return -1;
      }
      if (sources[0].revents == 0) continue;
      char byte = 0;
      const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return static_cast<int>(count);
      const std::string typed = keys_.push({&byte, 1});
      if (typed.empty()) continue;
      // Of what is ill-formed and the character after it, the latter counts.
      const base::CodePoint first = base::next_code_point(typed);
      const base::CodePoint last =
          base::next_code_point(std::string_view(typed).substr(
              first.bytes < typed.size() ? first.bytes : 0));
      *character = static_cast<wchar_t>(last.value);
      return 1;
    }
  }

  base::Utf8Holdback keys_;
  Interrupts& interrupts_;
  HistoryFile file_;
  History* history_ = nullptr;
  EditLine* editor_ = nullptr;
  std::string prompt_;
  std::string typed_;
  bool interrupted_ = false;
};

}  // namespace

std::unique_ptr<LineSource> make_edited_lines(std::string history_file,
                                              Interrupts& interrupts) {
  return std::make_unique<EditedLines>(std::move(history_file), interrupts);
}

}  // namespace abstractllm::cli
