// SPDX-License-Identifier: Apache-2.0
#include "e2e/child.h"

#include <fcntl.h>
#include <poll.h>
#if defined(__APPLE__)
#include <util.h>
#else
#include <pty.h>
#endif
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace abstractllm::test {
namespace {

namespace fs = std::filesystem;

constexpr auto kPatience = std::chrono::seconds(30);

// The strings and pointers that execve wants.
class ExecArguments {
 public:
  ExecArguments(const std::vector<std::string>& arguments,
                const Environment& environment)
      : arguments_(arguments) {
    const char* path = std::getenv("PATH");
    variables_.push_back(std::string("PATH=") + (path ? path : "/usr/bin"));
    // Of a name given twice the first counts.
    for (const auto& [name, value] : environment) {
      variables_.push_back(name + '=' + value);
    }
    // Sanitizers are configured through the environment too.
    for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
                             "UBSAN_OPTIONS", "LD_LIBRARY_PATH"}) {
      if (const char* value = std::getenv(name)) {
        variables_.push_back(std::string(name) + '=' + value);
      }
    }
    for (auto& text : arguments_) argv_.push_back(text.data());
    for (auto& text : variables_) envp_.push_back(text.data());
    argv_.push_back(nullptr);
    envp_.push_back(nullptr);
  }
  [[noreturn]] void exec() {
    // GoogleTest and ctest may run with some of these ignored.
    for (const int signal : {SIGINT, SIGPIPE, SIGTERM, SIGXFSZ}) {
      std::signal(signal, SIG_DFL);
    }
    ::execve(argv_[0], argv_.data(), envp_.data());
    ::_exit(127);
  }

 private:
  std::vector<std::string> arguments_;
  std::vector<std::string> variables_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
};

Ended wait_for_child(pid_t child) {
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  Ended ended;
  ended.exit_code =
      WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  ended.peak_kilobytes = usage.ru_maxrss;
#if defined(__APPLE__)
  ended.peak_kilobytes /= 1024;
#endif
  return ended;
}

struct Pipe {
  Pipe() {
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  int ends[2];
};

// One turn of feeding and reading; false when both outputs have ended.
bool exchange(int& in, std::string_view& input, int& out, std::string& out_text,
              int& err, std::string& err_text) {
  pollfd sources[3] = {{in, POLLOUT, 0}, {out, POLLIN, 0}, {err, POLLIN, 0}};
  ::poll(sources, 3, -1);
  if (sources[0].revents != 0) {
    const ssize_t count =
        input.empty() ? -1 : ::write(in, input.data(), input.size());
    if (count > 0) input.remove_prefix(static_cast<std::size_t>(count));
    if (count <= 0 && (count == 0 || errno != EAGAIN)) {
      ::close(in);
      in = -1;
    }
  }
  const auto drain = [](const pollfd& source, int& end, std::string& text) {
    if (source.revents == 0) return;
    char buffer[8192];
    const ssize_t count = ::read(end, buffer, sizeof(buffer));
    if (count > 0) {
      text.append(buffer, static_cast<std::size_t>(count));
    } else {
      ::close(end);
      end = -1;
    }
  };
  drain(sources[1], out, out_text);
  drain(sources[2], err, err_text);
  return out >= 0 || err >= 0;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = fs::temp_directory_path() / "allm-e2e-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("no temporary folder");
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Environment freeing_memory(Environment environment) {
  const char* set = std::getenv("ASAN_OPTIONS");
  environment.emplace_back("ASAN_OPTIONS",
                           std::string(set ? set : "") +
                               ":quarantine_size_mb=0"
                               ":thread_local_quarantine_size_kb=0");
  return environment;
}

Ended run_on_pipes(const std::vector<std::string>& arguments,
                   std::string_view input, const Environment& environment) {
  ExecArguments exec(arguments, environment);
  Pipe in;
  Pipe out;
  Pipe err;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in.ends[0], STDIN_FILENO);
    ::dup2(out.ends[1], STDOUT_FILENO);
    ::dup2(err.ends[1], STDERR_FILENO);
    exec.exec();
  }
  ::close(in.ends[0]);
  ::close(out.ends[1]);
  ::close(err.ends[1]);
  std::signal(SIGPIPE, SIG_IGN);
  ::fcntl(in.ends[1], F_SETFL, O_NONBLOCK);
  std::string out_text;
  std::string err_text;
  errno = 0;
  while (exchange(in.ends[1], input, out.ends[0], out_text, err.ends[0],
                  err_text)) {
  }
  if (in.ends[1] >= 0) ::close(in.ends[1]);
  Ended ended = wait_for_child(child);
  ended.out = std::move(out_text);
  ended.err = std::move(err_text);
  return ended;
}

Terminal::Terminal(const std::vector<std::string>& arguments, int columns,
                   const Environment& environment) {
  ExecArguments exec(arguments, environment);
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 24;
  child_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
  if (child_ < 0) throw std::runtime_error("no terminal");
  if (child_ == 0) exec.exec();
}

Terminal::~Terminal() {
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    wait_for_child(child_);
  }
  ::close(terminal_);
}

void Terminal::type(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(terminal_, bytes.data(), bytes.size());
    if (count <= 0) throw std::runtime_error("cannot type; shown: " + shown_);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool Terminal::read_more() {
  pollfd source{terminal_, POLLIN, 0};
  const auto patience =
      std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  if (::poll(&source, 1, static_cast<int>(patience.count())) <= 0) {
    throw std::runtime_error("nothing more came; shown: " + shown_);
  }
  char buffer[8192];
  const ssize_t count = ::read(terminal_, buffer, sizeof(buffer));
  // Linux answers EIO when the last program on the terminal has gone.
  if (count <= 0) return false;
  shown_.append(buffer, static_cast<std::size_t>(count));
  return true;
}

void Terminal::wait_for(std::string_view text) {
  while (true) {
    const std::size_t found = shown_.find(text, seen_);
    if (found != std::string::npos) {
      seen_ = found + text.size();
      return;
    }
    if (!read_more()) {
      throw std::runtime_error("the program ended before '" +
                               std::string(text) + "'; shown: " + shown_);
    }
  }
}

Ended Terminal::wait() {
  while (read_more()) {
  }
  Ended ended = wait_for_child(child_);
  child_ = -1;
  ended.out = shown_;
  return ended;
}

}  // namespace abstractllm::test
