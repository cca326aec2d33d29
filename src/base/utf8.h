// UTF-8 well-formedness, as the Unicode standard's table 3-7 has it, for whole
// texts and for texts that arrive in pieces.
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

/// One character of a text.
struct CodePoint {
  char32_t value = 0;     ///< U+FFFD for an ill-formed piece
  std::size_t bytes = 0;  ///< that it takes; 0 for an empty text
};

/// The first character of `text`, or its first maximal ill-formed piece.
CodePoint next_code_point(std::string_view text) noexcept;

/// The longest prefix of at most `max_bytes` bytes that does not end within a
/// character.
std::string_view truncate_utf8(std::string_view text,
                               std::size_t max_bytes) noexcept;

/// Bytes in, whole characters out: holds back a character whose last bytes
/// have not come yet (3 bytes at most) and replaces each maximal ill-formed
/// piece by U+FFFD, as the WHATWG decoder does. The concatenated output is
/// replace_invalid_utf8 of the concatenated input, however it is split. One
/// thread at a time.
class Utf8Holdback {
 public:
  /// The characters that `bytes` completes.
  std::string push(std::string_view bytes);
  /// U+FFFD if a character was left unfinished, else empty; starts afresh.
  std::string finish();
  bool holds_any() const noexcept { return !held_.empty(); }

 private:
  std::string held_;
};

}  // namespace abstractllm::base
