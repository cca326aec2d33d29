// UTF-8 well-formedness, one sequence at a time.
// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

namespace abstractllm::base {
namespace {

struct Sequence {
  std::size_t bytes;  // looked at; at least 1
  bool valid;
};

// REQUIRES: text is not empty.
Sequence read_sequence(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {1, true};
  std::size_t size = 0;
  if (lead >= 0xC2 && lead <= 0xDF) size = 2;
  if (lead >= 0xE0 && lead <= 0xEF) size = 3;
  if (lead >= 0xF0 && lead <= 0xF4) size = 4;
  if (size == 0) return {1, false};
  // The second byte alone tells overlong forms, surrogates and what is above
  // U+10FFFF from the rest.
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < size; ++i) {
    if (i == text.size()) return {i, false};
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < low || byte > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {size, true};
}

}  // namespace

std::size_t valid_utf8_prefix(std::string_view text) noexcept {
  std::size_t position = 0;
  while (position < text.size()) {
    const Sequence next = read_sequence(text.substr(position));
    if (!next.valid) break;
    position += next.bytes;
  }
  return position;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t valid = valid_utf8_prefix(text);
    clean.append(text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) break;
    clean.append("\xEF\xBF\xBD");
    text.remove_prefix(read_sequence(text).bytes);
  }
  return clean;
}

}  // namespace abstractllm::base
