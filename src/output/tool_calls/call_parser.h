// Tells the calls of an answer from its text, piece by piece.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "output/tool_calls/call_reader.h"

namespace abstractllm::output {

/// A stretch of text and where it begins in what was pushed.
struct TextRun {
  std::string text;
  std::size_t begin = 0;
  bool operator==(const TextRun&) const = default;
};

using CallItem = std::variant<TextRun, ToolCall>;

/// The text of one answer on its way. Text is held back only while it may be
/// the beginning of a call, and space while a call may follow. What turns out
/// to be none comes out as text, whole: of everything pushed, all but the calls
/// with their marks and the space before them is in the text runs. How the
/// input is split changes nothing. One thread at a time.
class CallParser {
 public:
  explicit CallParser(std::shared_ptr<const CallReader> reader);

  void push(std::string_view text, std::vector<CallItem>& out);
  /// The answer ends.
  void finish(std::vector<CallItem>& out);

 private:
  void run(bool at_end, std::vector<CallItem>& out);
  // One step; false when more text is needed.
  bool step(bool at_end, std::vector<CallItem>& out);
  bool read_span(bool at_end, std::vector<CallItem>& out);
  // Moves `count` bytes of the buffer to the text, or drops them.
  void emit(std::size_t count, std::vector<CallItem>& out);
  void drop(std::size_t count);
  const Opener* opener_at(std::size_t at) const;
  // From where on the buffer may become an opener; its size if nowhere.
  std::size_t possible_opener() const;

  std::shared_ptr<const CallReader> reader_;
  std::string buffer_;      // not decided
  std::size_t begin_ = 0;   // of the buffer in the input
  bool in_span_ = false;    // the buffer begins with an opener
  std::size_t looked_ = 0;  // size of the buffer at the last look
  bool only_calls_ = true;  // so far, but for space
  bool after_call_ = false;
};

}  // namespace abstractllm::output
