// Lines joined into a message.
// SPDX-License-Identifier: Apache-2.0
#include "cli/message_reader.h"

namespace abstractllm::cli {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";

bool closes_block(std::string_view line) { return line.ends_with(kQuotes); }

}  // namespace

Line read_message(LineSource& lines, std::string_view prompt,
                  std::string_view continuation_prompt) {
  Line line = lines.next(prompt);
  if (line.kind != Line::Kind::kText) return line;
  const bool block = line.text.starts_with(kQuotes);
  std::string text;
  if (block) line.text.erase(0, kQuotes.size());
  while (true) {
    if (block && closes_block(line.text)) {
      text += line.text.substr(0, line.text.size() - kQuotes.size());
      break;
    }
    if (!block && !line.text.ends_with('\\')) {
      text += line.text;
      break;
    }
    if (!block) line.text.pop_back();
    // The line break after an opening """ on its own is no part of the text.
    text += line.text;
    if (!block || !text.empty()) text += '\n';
    line = lines.next(continuation_prompt);
    if (line.kind == Line::Kind::kInterrupted) {
      // Something was being written, so this Ctrl-C is not one on an empty
      // prompt.
      if (line.text.empty()) line.text = text.empty() ? " " : text;
      return line;
    }
    if (line.kind == Line::Kind::kEnd) break;
  }
  if (block && text.ends_with('\n')) text.pop_back();
  return {Line::Kind::kText, std::move(text)};
}

}  // namespace abstractllm::cli
