// Reasoning in front of an answer, between two marks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "output/answer_parser.h"

namespace abstractllm::output {

/// Splits off what stands between the marks at the beginning of an answer. One
/// thread at a time.
class ReasoningParser {
 public:
  /// `end` is not empty. `open`: the text begins behind the first mark.
  ReasoningParser(std::string begin, std::string end, bool open);

  void push(std::string_view text, std::vector<AnswerItem>& out);
  void finish(std::vector<AnswerItem>& out);

 private:
  enum class State {
    kBefore,  ///< the first mark may come
    kInside,
    kBehind,  ///< space behind the last mark
    kText,
  };

  // One step; false when more text is needed.
  bool step(bool at_end, std::vector<AnswerItem>& out);
  bool step_before(bool at_end);
  bool step_inside(bool at_end, std::vector<AnswerItem>& out);
  std::string take(std::size_t count);

  const std::string begin_mark_;
  const std::string end_mark_;
  State state_;
  std::string buffer_;
  std::size_t begin_ = 0;       // of the buffer in the input
  bool has_reasoning_ = false;  // some was given out
};

/// Bytes at the end of `text` that may become `mark`.
std::size_t possible_mark(std::string_view text, std::string_view mark);

}  // namespace abstractllm::output
