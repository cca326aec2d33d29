// UTF-8 well-formedness, one sequence at a time.
// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

namespace abstractllm::base {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::size_t kLongestSequence = 4;

struct Sequence {
  std::size_t bytes;  // looked at; at least 1
  bool valid;
  bool cut_off = false;  // ill-formed only because the text ends
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
    if (i == text.size()) return {i, false, true};
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
    clean.append(kReplacement);
    text.remove_prefix(read_sequence(text).bytes);
  }
  return clean;
}

CodePoint next_code_point(std::string_view text) noexcept {
  if (text.empty()) return {};
  const Sequence sequence = read_sequence(text);
  if (!sequence.valid) return {U'\uFFFD', sequence.bytes};
  const auto lead = static_cast<unsigned char>(text[0]);
  if (sequence.bytes == 1) return {lead, 1};
  // The lead byte of n bytes starts with n ones and a zero.
  char32_t value = lead & (0x7Fu >> sequence.bytes);
  for (std::size_t i = 1; i < sequence.bytes; ++i) {
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3Fu);
  }
  return {value, sequence.bytes};
}

std::string_view truncate_utf8(std::string_view text,
                               std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  // A character that the cut would split starts at most 3 bytes before it.
  for (std::size_t back = 1; back < kLongestSequence && back <= max_bytes;
       ++back) {
    const std::size_t start = max_bytes - back;
    const Sequence sequence = read_sequence(text.substr(start));
    if (sequence.valid && start + sequence.bytes > max_bytes) {
      return text.substr(0, start);
    }
  }
  return text.substr(0, max_bytes);
}

std::string Utf8Holdback::push(std::string_view bytes) {
  held_.append(bytes);
  std::string_view rest = held_;
  std::string whole;
  while (!rest.empty()) {
    const std::size_t valid = valid_utf8_prefix(rest);
    whole.append(rest.substr(0, valid));
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Sequence sequence = read_sequence(rest);
    if (sequence.cut_off) break;
    whole.append(kReplacement);
    rest.remove_prefix(sequence.bytes);
  }
  held_.erase(0, held_.size() - rest.size());
  return whole;
}

std::string Utf8Holdback::finish() {
  std::string last = replace_invalid_utf8(held_);
  held_.clear();
  return last;
}

}  // namespace abstractllm::base
