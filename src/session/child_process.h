// A program that is run and spoken to over its standard streams.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/cancel.h"

namespace abstractllm::session {

struct ChildCommand {
  std::vector<std::string>
      words;  ///< program, looked up on PATH, and arguments
  /// All that it gets of the environment, beside what a program needs to run
  /// at all (PATH, HOME, LANG ...): keys of ours are none of its business.
  std::map<std::string, std::string> environment{};
};

/// Runs in a process group of its own, so that Ctrl-C on a terminal is not its
/// end and its children end with it. `write` may be called beside `read`; else
/// one thread at a time.
class ChildProcess {
 public:
  /// Throws ProviderConnectionError if it cannot be started.
  explicit ChildProcess(const ChildCommand& command);
  /// Closes its input, waits a moment, then ends it, at last by force. It is
  /// never left as a zombie.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// All of `bytes` to its input. Throws ProviderConnectionError when it is
  /// gone, RequestTimeoutError when it does not read until `deadline`, and
  /// CancelledError.
  void write(std::string_view bytes,
             std::chrono::steady_clock::time_point deadline,
             const CancelToken& cancel);

  /// Waits for bytes of its output; empty when that has ended or `wake` was
  /// called. Keeps the end of what it writes to standard error meanwhile.
  std::string read();
  /// Makes `read` return, in any thread. For good.
  void wake();

  /// The last line that it wrote to standard error. For the reading thread, or
  /// after its end.
  std::string last_error_line() const;

 private:
  class Pipe {
   public:
    Pipe();
    ~Pipe();
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void close_end(int end);
    int ends[2];
  };

  bool read_error_output();
  bool has_ended();
  bool wait_for_end(std::chrono::milliseconds time);

  Pipe input_;
  Pipe output_;
  Pipe error_;
  Pipe wake_;
  pid_t process_ = -1;
  bool reaped_ = false;
  std::string error_tail_;
};

/// Words of a command line: divided at white space, with quotes and backslash
/// as a shell has them, and nothing else of a shell. Throws InvalidRequestError
/// for a quote that is not closed.
std::vector<std::string> split_command(std::string_view text);

}  // namespace abstractllm::session
