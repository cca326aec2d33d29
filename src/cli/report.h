// How errors and notes reach the person: one line each, valid UTF-8.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/error.h"
#include "cli/streams.h"

namespace abstractllm::cli {

/// A command line that cannot be understood; exits with kExitUsage.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

/// `text` on one line: line breaks and other control characters become
/// spaces, bytes that are not UTF-8 become U+FFFD.
std::string one_line(std::string_view text);

/// `text` without what a terminal would take for a command: all control
/// characters but line feed and tab.
std::string terminal_text(std::string_view text);

/// Writes `allm: error: MESSAGE` and, if there is one, `hint: HINT`; or with
/// `json` the same as one JSON object on one line. Never throws.
void report_error(Output& err, std::string_view name, int exit_code,
                  std::string_view message, std::string_view hint, bool json);
void report_error(Output& err, const Error& error, bool json = false);

/// Writes `allm: warning: [WHERE] MESSAGE`. Never throws: the library warns
/// from its own threads.
void report_warning(Output& err, std::string_view where,
                    std::string_view message) noexcept;

/// Writes `allm: note: TEXT`.
void report_note(Output& err, std::string_view text);

/// " Did you mean 'X'?" of the known names most like `name`; empty when none
/// is close.
std::string suggestion(std::string_view name,
                       const std::vector<std::string>& known);

}  // namespace abstractllm::cli
