// White space that counts and white space that does not.
// SPDX-License-Identifier: Apache-2.0
#include "text/written_parts.h"

#include <algorithm>
#include <variant>

#include "base/text.h"

namespace abstractllm::text {
namespace {

// Without white space outside of double quotes: JSON says the same then.
std::string squeezed(std::string_view text) {
  std::string kept;
  bool quoted = false;
  bool escaped = false;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (is_space && !quoted) continue;
    kept += c;
    if (c == '"' && !escaped) quoted = !quoted;
    escaped = quoted && c == '\\' && !escaped;
  }
  return kept;
}

// Where every call's arguments stand in `text` as JSON, one behind the other.
// In other dialects (a tag for each parameter, Python) white space is content.
bool has_arguments_as_json(const Message& message,
                           std::string_view squeezed_text) {
  std::size_t at = 0;
  bool has_call = false;
  for (const Part& part : message.parts) {
    const auto* call = std::get_if<ToolCall>(&part);
    if (call == nullptr) continue;
    has_call = true;
    const std::string arguments = squeezed(call->arguments);
    at = squeezed_text.find(arguments, at);
    if (at == std::string_view::npos) return false;
    at += arguments.size();
  }
  return has_call;
}

}  // namespace

WrittenParts::WrittenParts(const Message& message, std::string_view written)
    : written_(written) {
  const std::string text = message.text();
  for (const std::string_view as :
       {std::string_view(text), base::trimmed(text)}) {
    if (!written.starts_with(as)) continue;
    text_ = as;
    squeezed_calls_ = squeezed(written.substr(as.size()));
    is_json_ = has_arguments_as_json(message, squeezed_calls_);
    return;
  }
}

bool WrittenParts::are(std::string_view said) const {
  if (said == written_) return true;
  return is_json_ && said.starts_with(text_) &&
         squeezed(said.substr(text_.size())) == squeezed_calls_;
}

std::vector<std::size_t> overlaps(std::string_view before,
                                  std::string_view said) {
  before = before.substr(before.size() - std::min(before.size(), said.size()));
  // Of each beginning of `said` the longest that also ends it.
  std::vector<std::size_t> border(said.size() + 1, 0);
  const auto extended = [&](std::size_t length, char c) {
    while (length > 0 && (length == said.size() || said[length] != c)) {
      length = border[length];
    }
    return length < said.size() && said[length] == c ? length + 1 : 0;
  };
  for (std::size_t i = 1; i < said.size(); ++i) {
    border[i + 1] = extended(border[i], said[i]);
  }
  std::size_t length = 0;
  for (const char c : before) length = extended(length, c);
  std::vector<std::size_t> found;
  for (; length > 0; length = border[length]) found.push_back(length);
  found.push_back(0);
  return found;
}

}  // namespace abstractllm::text
