// Names, shell patterns and regular expressions behind one question.
// SPDX-License-Identifier: Apache-2.0
#include "io/module_selector.h"

#include <cctype>

#include "abstractllm/error.h"

namespace abstractllm::io {
namespace {

std::optional<NamePattern> understood(const std::string& pattern) {
  try {
    return NamePattern(pattern);
  } catch (const ModelLoadingError&) {
    return std::nullopt;
  }
}

std::string from_shell(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '*') {
      pattern += ".*";
      continue;
    }
    const bool is_plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (!is_plain) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace

ModuleSelector::ModuleSelector(std::string_view text) {
  constexpr std::string_view kPattern = "re:";
  if (text.starts_with(kPattern)) {
    *this = begins(text.substr(kPattern.size()));
  } else if (text.find('*') != text.npos) {
    pattern_ = understood(from_shell(text));
  } else {
    name_ = text;
  }
}

ModuleSelector ModuleSelector::begins(std::string_view pattern) {
  ModuleSelector selector;
  selector.pattern_ = understood("(?:" + std::string(pattern) + ").*");
  return selector;
}

bool ModuleSelector::selects(std::string_view module) const {
  if (pattern_) return pattern_->matches(module);
  if (name_.empty() || module.size() < name_.size()) return false;
  return module.ends_with(name_) ||
         (module.starts_with(name_) && module[name_.size()] == '.');
}

}  // namespace abstractllm::io
