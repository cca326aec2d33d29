// Bytes that arrive in pieces, as valid UTF-8.
// SPDX-License-Identifier: Apache-2.0
#include "text/utf8_lossy.h"

namespace abstractllm::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

void Utf8Lossy::append(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (missing_ > 0 && (byte < low_ || byte > high_)) {
      out += kReplacement;
      missing_ = 0;
    }
    if (missing_ == 0) {
      begin(byte, out);
      continue;
    }
    pending_ += c;
    low_ = 0x80;
    high_ = 0xBF;
    if (--missing_ == 0) out += pending_;
  }
}

void Utf8Lossy::finish(std::string& out) {
  if (missing_ > 0) out += kReplacement;
  missing_ = 0;
}

// The ranges leave out overlong forms, surrogates and what exceeds U+10FFFF
// (Unicode 15, table 3-7).
void Utf8Lossy::begin(unsigned char byte, std::string& out) {
  low_ = 0x80;
  high_ = 0xBF;
  if (byte < 0x80) {
    out += static_cast<char>(byte);
    return;
  }
  if (byte >= 0xC2 && byte <= 0xDF) {
    missing_ = 1;
  } else if (byte >= 0xE0 && byte <= 0xEF) {
    missing_ = 2;
    if (byte == 0xE0) low_ = 0xA0;
    if (byte == 0xED) high_ = 0x9F;
  } else if (byte >= 0xF0 && byte <= 0xF4) {
    missing_ = 3;
    if (byte == 0xF0) low_ = 0x90;
    if (byte == 0xF4) high_ = 0x8F;
  } else {
    out += kReplacement;
    return;
  }
  pending_.assign(1, static_cast<char>(byte));
}

}  // namespace abstractllm::text
