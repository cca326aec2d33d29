// JSON by its library, the rest byte by byte.
// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <nlohmann/json.hpp>

namespace abstractllm::base {

bool is_json(std::string_view text) {
  return text.find('\0') == std::string_view::npos &&
         nlohmann::json::accept(text);
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace abstractllm::base
