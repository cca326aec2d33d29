// The library's log: silent until the program gives it somewhere to go.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>

namespace abstractllm::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

/// "debug", "info", "warning", "error", "off".
std::string_view to_string(LogLevel level) noexcept;

/// Receives each line that passes the level: `where` names the part ("engine"),
/// `message` is one line without a prompt's text or a credential. Called by
/// one thread at a time; must not log.
using LogSink = std::function<void(LogLevel level, std::string_view where,
                                   std::string_view message)>;

/// Sends lines of `level` and above to `sink`; an empty sink silences the
/// library, which is how it starts. Process-wide; thread-safe.
void set_log(LogLevel level, LogSink sink);

/// Writes `2025-01-31 12:00:00.123 warning [engine] message` to standard
/// error, in colour on a terminal.
LogSink standard_error_log();

/// Whether a line of `level` would be written: ask before building a costly
/// message. Thread-safe.
bool is_logged(LogLevel level) noexcept;

/// Thread-safe.
void log(LogLevel level, std::string_view where, std::string_view message);

}  // namespace abstractllm::base
