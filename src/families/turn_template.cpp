// Jinja texts from marks.
// SPDX-License-Identifier: Apache-2.0
#include "families/turn_template.h"

namespace abstractllm::families {

namespace {

// A Jinja string literal.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string turn(std::string_view begin, std::string_view end) {
  return "{{- " + quoted(begin) + " + message.content + " + quoted(end) +
         " -}}";
}

}  // namespace

std::string turn_template(const TurnMarks& marks) {
  std::string text = "{%- for message in messages -%}";
  text += "{%- if message.role == 'user' -%}" +
          turn(marks.user_begin, marks.user_end) +
          "{%- elif message.role == 'assistant' -%}" +
          turn(marks.answer_begin, marks.answer_end);
  if (!marks.system_begin.empty() || !marks.system_end.empty()) {
    text += "{%- elif message.role == 'system' -%}" +
            turn(marks.system_begin, marks.system_end);
  }
  text += "{%- endif -%}{%- endfor -%}{%- if add_generation_prompt -%}{{- " +
          quoted(marks.answer_begin) + " -}}{%- endif -%}";
  return text;
}

std::string chatml_template() {
  return turn_template({.system_begin = "<|im_start|>system\n",
                        .system_end = "<|im_end|>\n",
                        .user_begin = "<|im_start|>user\n",
                        .user_end = "<|im_end|>\n",
                        .answer_begin = "<|im_start|>assistant\n",
                        .answer_end = "<|im_end|>\n"});
}

}  // namespace abstractllm::families
