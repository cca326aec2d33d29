// A program run as a person or a shell runs it: on pipes or on a terminal.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace abstractllm::test {

/// A folder of its own for one test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// How a program ended.
struct Ended {
  int exit_code = -1;  ///< as a shell reports it: 128 + signal
  long peak_kilobytes = 0;
  std::string out;  ///< on a terminal: both streams
  std::string err;
};

using Environment = std::vector<std::pair<std::string, std::string>>;

/// For tests of how memory grows: AddressSanitizer keeps freed memory, to find
/// late uses of it, unless it is told not to.
Environment freeing_memory(Environment environment);

/// Runs `arguments` (program first) to its end with `input` on standard input.
/// The environment is `environment` and PATH alone.
Ended run_on_pipes(const std::vector<std::string>& arguments,
                   std::string_view input, const Environment& environment = {});

/// A program on a terminal of its own. One thread.
class Terminal {
 public:
  Terminal(const std::vector<std::string>& arguments, int columns,
           const Environment& environment = {});
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// Types `bytes`.
  void type(std::string_view bytes);
  /// Waits until `text` is shown after what earlier calls waited for. Throws
  /// std::runtime_error with all output after half a minute.
  void wait_for(std::string_view text);
  /// All that was shown up to now.
  const std::string& shown() const { return shown_; }
  /// Waits for the end of the program.
  Ended wait();

 private:
  bool read_more();

  pid_t child_ = -1;
  int terminal_ = -1;
  std::string shown_;
  std::size_t seen_ = 0;
};

}  // namespace abstractllm::test
