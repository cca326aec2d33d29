// Bytes that arrive in pieces, as valid UTF-8.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace abstractllm::text {

/// Turns bytes into valid UTF-8 as soon as its characters are complete. What
/// makes no character becomes U+FFFD, one for each maximal valid beginning, as
/// the Unicode standard recommends; the result does not depend on how the
/// bytes were split. One thread at a time.
class Utf8Lossy {
 public:
  void append(std::string_view bytes, std::string& out);
  /// Writes U+FFFD for a character that was begun.
  void finish(std::string& out);

 private:
  void begin(unsigned char byte, std::string& out);

  std::string pending_;
  int missing_ = 0;        // bytes that complete pending_
  unsigned char low_ = 0;  // range of the next of them
  unsigned char high_ = 0;
};

}  // namespace abstractllm::text
