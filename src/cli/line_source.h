// Lines of a chat, from a keyboard or a script.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cli/interrupts.h"
#include "cli/streams.h"

namespace abstractllm::cli {

/// One line asked of the user.
struct Line {
  enum class Kind {
    kText,
    kEnd,          ///< end of input, Ctrl-D
    kInterrupted,  ///< Ctrl-C; `text` is what was typed before it
  };
  Kind kind = Kind::kEnd;
  std::string text;  ///< without its line break
};

/// One thread at a time.
class LineSource {
 public:
  virtual ~LineSource() = default;
  /// Shows `prompt` where a person types; blocks. Throws FileProcessingError.
  virtual Line next(std::string_view prompt) = 0;
  /// Puts an entry where the arrow keys find it. Throws FileProcessingError if
  /// it cannot be kept in the history file; it is remembered all the same.
  virtual void remember(std::string_view) {}
};

/// Lines as they come, without a prompt.
class PlainLines : public LineSource {
 public:
  explicit PlainLines(Input& input) : input_(input) {}
  Line next(std::string_view prompt) override;

 private:
  Input& input_;
  std::string pending_;
  std::size_t searched_ = 0;
  bool at_end_ = false;
};

/// Line editing with history on the terminal of standard input and output.
/// `history_file` keeps entries over runs, one a line; empty keeps none.
/// `interrupts` must outlive the result. Throws FileProcessingError when the
/// history file exists and cannot be read.
std::unique_ptr<LineSource> make_edited_lines(std::string history_file,
                                              Interrupts& interrupts);

}  // namespace abstractllm::cli
