// UTF-8 well-formedness, as the Unicode standard's table 3-7 has it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace abstractllm::base {

/// Bytes of `text` before its first ill-formed sequence; text.size() if there
/// is none. Overlong forms, surrogates and values above U+10FFFF are
/// ill-formed; so is a sequence that the end of the text cuts off.
std::size_t valid_utf8_prefix(std::string_view text) noexcept;

inline bool is_valid_utf8(std::string_view text) noexcept {
  return valid_utf8_prefix(text) == text.size();
}

/// `text` with each maximal ill-formed piece replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace abstractllm::base
