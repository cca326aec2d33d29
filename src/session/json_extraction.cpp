// A scan for values that parse.
// SPDX-License-Identifier: Apache-2.0
#include "session/json_extraction.h"

#include <algorithm>

#include "base/text.h"

namespace abstractllm::session {
namespace {

// Starts that were tried and were none: prose full of brackets.
constexpr int kMaxTries = 1000;

// The end of the object or array that begins at `start`, strings respected.
std::size_t end_of_value(std::string_view text, std::size_t start) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = start; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::optional<std::string> in_fences(std::string_view text) {
  constexpr std::string_view kFence = "```";
  std::optional<std::string> last;
  std::size_t open = text.find(kFence);
  while (open != std::string_view::npos) {
    const std::size_t line = text.find('\n', open);
    if (line == std::string_view::npos) break;
    const std::size_t close = text.find(kFence, line);
    const std::string_view inside =
        base::trimmed(text.substr(line + 1, close - line - 1));
    if (base::is_json(inside)) last = inside;
    if (close == std::string_view::npos) break;
    open = text.find(kFence, close + kFence.size());
  }
  return last;
}

}  // namespace

std::optional<std::string> extract_json(std::string_view text) {
  text = base::trimmed(text);
  if (base::is_json(text)) return std::string(text);
  if (auto fenced = in_fences(text)) return fenced;
  std::size_t start = text.find_first_of("{[");
  for (int tries = 0; tries < kMaxTries && start != std::string_view::npos;
       ++tries) {
    const std::size_t end = end_of_value(text, start);
    if (end != std::string_view::npos &&
        base::is_json(text.substr(start, end - start))) {
      return std::string(text.substr(start, end - start));
    }
    start = text.find_first_of("{[", start + 1);
  }
  return std::nullopt;
}

}  // namespace abstractllm::session
