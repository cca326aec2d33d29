// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <gtest/gtest.h>

namespace abstractllm::base {
namespace {

TEST(Base64, RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(base64_encode("light wor"), "bGlnaHQgd29y");
  EXPECT_EQ(base64_encode("light wo"), "bGlnaHQgd28=");
  EXPECT_EQ(base64_encode("light w"), "bGlnaHQgdw==");
}

TEST(Base64, RefusesWhatItIsNot) {
  for (const char* text : {"a", "ab", "abc", "====", "ab=c", "a\nbc", "a-_b"}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace abstractllm::base
