// This process's streams, terminal and environment variables.
// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/report.h"
#include "config/configuration.h"

namespace abstractllm::cli {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// The XDG base directory specification: relative values are not valid.
std::filesystem::path data_folder() {
  if (const auto data = variable("XDG_DATA_HOME"); data.starts_with('/')) {
    return std::filesystem::path(data) / "abstractllm";
  }
  return std::filesystem::path(variable("HOME")) / ".local/share/abstractllm";
}

std::filesystem::path sessions_file() {
  const auto chosen = variable("ABSTRACTLLM_SESSIONS");
  return chosen.empty() ? data_folder() / "sessions.db"
                        : std::filesystem::path(chosen);
}

int terminal_columns() {
  for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO}) {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
      return size.ws_col;
    }
  }
  return 80;
}

}  // namespace

int run_process(int argc, const char* const* argv, ModelAccess models) {
  // A closed pipe and a full disk are answers of write(), not ends of the
  // program.
  std::signal(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
  std::signal(SIGXFSZ, SIG_IGN);
#endif
  FileInput in(STDIN_FILENO, "standard input");
  FileOutput out(STDOUT_FILENO, "standard output");
  FileOutput err(STDERR_FILENO, "standard error");
  CliEnvironment environment{in, out, err, std::move(models)};
  environment.in_is_terminal = ::isatty(STDIN_FILENO) == 1;
  environment.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  environment.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  environment.color =
      variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  environment.columns = terminal_columns();
  environment.sessions_file = sessions_file();
  environment.variable = [](const char* name) -> const char* {
    return std::getenv(name);
  };
  environment.config_file = config::configuration_file(environment.variable);
  environment.edit_lines = make_edited_lines;
  // What a user should know and an answer does not show.
  base::set_log(
      base::LogLevel::kWarning,
      [&err](base::LogLevel, std::string_view where, std::string_view message) {
        report_warning(err, where, message);
      });
  const int status = run_cli(argc, argv, environment);
  base::set_log(base::LogLevel::kOff, nullptr);
  return status;
}

}  // namespace abstractllm::cli
