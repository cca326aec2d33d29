// posix_spawn, poll, and an end without zombies.
// SPDX-License-Identifier: Apache-2.0
#include "session/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <thread>

#include "abstractllm/error.h"
#include "base/utf8.h"
#include "net/broken_pipes.h"

namespace abstractllm::session {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kErrorTailBytes = 4096;
constexpr milliseconds kPatience{2000};

std::string reason(int error) { return std::generic_category().message(error); }

std::vector<std::string> environment_of(const ChildCommand& command) {
  constexpr const char* kPassedOn[] = {"PATH",    "HOME",   "USER",
                                       "LOGNAME", "SHELL",  "TERM",
                                       "LANG",    "LC_ALL", "TMPDIR"};
  std::map<std::string, std::string> all;
  for (const char* name : kPassedOn) {
    if (const char* value = std::getenv(name)) all[name] = value;
  }
  for (const auto& [name, value] : command.environment) all[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What posix_spawn wants, given back at the end.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // Signals that this process ignores or blocks are not the child's choice.
    sigset_t none;
    sigset_t defaults;
    ::sigemptyset(&none);
    ::sigemptyset(&defaults);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) {
      ::sigaddset(&defaults, signal);
    }
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
                                                POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  void connect(int descriptor, int child_descriptor) {
    ::posix_spawn_file_actions_adddup2(&actions, descriptor, child_descriptor);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

}  // namespace

ChildProcess::Pipe::Pipe() {
  if (::pipe(ends) != 0) {
    throw ProviderConnectionError("[process] no pipe: " + reason(errno));
  }
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
}

ChildProcess::Pipe::~Pipe() {
  close_end(0);
  close_end(1);
}

void ChildProcess::Pipe::close_end(int end) {
  if (ends[end] >= 0) ::close(ends[end]);
  ends[end] = -1;
}

ChildProcess::ChildProcess(const ChildCommand& command) {
  if (command.words.empty()) {
    throw InvalidRequestError("[process] the command is empty");
  }
  SpawnPlan plan;
  plan.connect(input_.ends[0], STDIN_FILENO);
  plan.connect(output_.ends[1], STDOUT_FILENO);
  plan.connect(error_.ends[1], STDERR_FILENO);
  std::vector<std::string> words = command.words;
  std::vector<std::string> environment = environment_of(command);
  const int error = ::posix_spawnp(
      &process_, words.front().c_str(), &plan.actions, &plan.attributes,
      pointers_to(words).data(), pointers_to(environment).data());
  if (error != 0) {
    process_ = -1;
    throw ProviderConnectionError(
        fmt::format("[process] cannot start '{}': {}", words.front(),
                    reason(error)),
        "Check that it is installed and on the PATH.");
  }
  input_.close_end(0);
  output_.close_end(1);
  error_.close_end(1);
  ::fcntl(input_.ends[1], F_SETFL, O_NONBLOCK);
  ::fcntl(error_.ends[0], F_SETFL, O_NONBLOCK);
#if defined(F_SETNOSIGPIPE)
  ::fcntl(input_.ends[1], F_SETNOSIGPIPE, 1);
#endif
}

ChildProcess::~ChildProcess() {
  if (process_ < 0) return;
  input_.close_end(1);
  if (wait_for_end(kPatience)) {
    ::kill(-process_, SIGKILL);  // what it started and left behind
    return;
  }
  ::kill(-process_, SIGTERM);
  if (wait_for_end(kPatience)) {
    ::kill(-process_, SIGKILL);
    return;
  }
  ::kill(-process_, SIGKILL);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool ChildProcess::has_ended() {
  if (!reaped_) reaped_ = ::waitpid(process_, nullptr, WNOHANG) != 0;
  return reaped_;
}

bool ChildProcess::wait_for_end(milliseconds time) {
  const Clock::time_point deadline = Clock::now() + time;
  while (!has_ended()) {
    if (Clock::now() >= deadline) return false;
    // Its pipes must not stand in the way of its end.
    pollfd descriptors[] = {{output_.ends[0], POLLIN, 0},
                            {error_.ends[0], POLLIN, 0}};
    ::poll(descriptors, 2, 5);
    char buffer[4096];
    bool open = false;
    for (const pollfd& each : descriptors) {
      if ((each.revents & POLLIN) != 0) {
        open = ::read(each.fd, buffer, sizeof buffer) > 0 || open;
      }
    }
    // Both ended: poll returns at once from here on.
    if (!open) std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

void ChildProcess::write(std::string_view bytes, Clock::time_point deadline,
                         const CancelToken& cancel) {
  const net::BrokenPipes no_signal;
  while (!bytes.empty()) {
    const ssize_t count = ::write(input_.ends[1], bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      throw ProviderConnectionError("[process] the program has ended");
    }
    if (cancel.cancelled()) throw CancelledError("[process] cancelled");
    if (Clock::now() >= deadline) {
      throw RequestTimeoutError("[process] the program does not read");
    }
    pollfd writable{input_.ends[1], POLLOUT, 0};
    ::poll(&writable, 1, 20);
  }
}

bool ChildProcess::read_error_output() {
  char buffer[4096];
  const ssize_t count = ::read(error_.ends[0], buffer, sizeof buffer);
  if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
  error_tail_.append(buffer, static_cast<std::size_t>(count));
  if (error_tail_.size() > kErrorTailBytes) {
    error_tail_.erase(0, error_tail_.size() - kErrorTailBytes);
  }
  return true;
}

std::string ChildProcess::read() {
  bool error_open = true;
  while (true) {
    pollfd descriptors[] = {{output_.ends[0], POLLIN, 0},
                            {wake_.ends[0], POLLIN, 0},
                            {error_open ? error_.ends[0] : -1, POLLIN, 0}};
    if (::poll(descriptors, 3, -1) < 0 && errno != EINTR) return {};
    if (descriptors[1].revents != 0) return {};
    if (descriptors[2].revents != 0) error_open = read_error_output();
    if (descriptors[0].revents == 0) continue;
    std::string bytes(64 * 1024, '\0');
    const ssize_t count = ::read(output_.ends[0], bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      // Its last words stand in the other pipe, if it has any.
      pollfd last{error_.ends[0], POLLIN, 0};
      while (error_open && ::poll(&last, 1, 100) > 0) {
        error_open = read_error_output();
      }
      return {};
    }
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
  }
}

void ChildProcess::wake() { wake_.close_end(1); }

std::string ChildProcess::last_error_line() const {
  std::string_view text = error_tail_;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  const std::size_t start = text.rfind('\n');
  if (start != std::string_view::npos) text.remove_prefix(start + 1);
  return base::replace_invalid_utf8(text.substr(0, 300));
}

std::vector<std::string> split_command(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      in_word = true;
    } else if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) {
    throw InvalidRequestError(fmt::format(
        "[process] the command has a {} that is not closed", quote));
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace abstractllm::session
