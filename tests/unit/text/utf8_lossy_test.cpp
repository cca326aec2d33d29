// SPDX-License-Identifier: Apache-2.0
#include "text/utf8_lossy.h"

#include <gtest/gtest.h>

namespace abstractllm::text {
namespace {

std::string lossy(std::string_view bytes, std::size_t split) {
  std::string out;
  Utf8Lossy utf8;
  utf8.append(bytes.substr(0, split), out);
  utf8.append(bytes.substr(split), out);
  utf8.finish(out);
  return out;
}

TEST(Utf8Lossy, GivesOneReplacementForEachMaximalBeginning) {
  const std::string r = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> cases[] = {
      {"plain é漢🦙", "plain é漢🦙"},
      {"\x80", r},
      {"a\xE2\x82", "a" + r},
      {"\xE2\x82\xE2\x82\xAC", r + "€"},
      {"\xF0\x9F\x41", r + "A"},
      {"\xC0\xAF", r + r},                  // overlong
      {"\xE0\x80\xAF", r + r + r},          // overlong
      {"\xED\xA0\x80", r + r + r},          // surrogate
      {"\xF4\x90\x80\x80", r + r + r + r},  // above U+10FFFF
      {"\xF5\xFF", r + r},
      {"", ""},
  };
  for (const auto& [bytes, text] : cases) {
    for (std::size_t split = 0; split <= bytes.size(); ++split) {
      EXPECT_EQ(lossy(bytes, split), text);
    }
  }
}

}  // namespace
}  // namespace abstractllm::text
