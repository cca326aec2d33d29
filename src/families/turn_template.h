// Chat templates that only put marks around each turn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace abstractllm::families {

/// What stands before and after the text of each role's turns. The texts are
/// written as they are; none has a quote or a backslash.
struct TurnMarks {
  std::string_view system_begin{};  ///< empty, and no end: not written at all
  std::string_view system_end{};
  std::string_view user_begin{};
  std::string_view user_end{};
  std::string_view answer_begin{};
  std::string_view answer_end{};
};

/// Jinja text. Line breaks in the marks stay.
std::string turn_template(const TurnMarks& marks);

/// <|im_start|>role ... <|im_end|>
std::string chatml_template();

}  // namespace abstractllm::families
