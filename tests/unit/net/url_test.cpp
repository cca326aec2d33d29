// SPDX-License-Identifier: Apache-2.0
#include "net/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Url, ABaseIsCheckedAndLosesItsLastSlashes) {
  EXPECT_EQ(checked_base_url("https://a.example/v1//", "base_url"),
            "https://a.example/v1");
  EXPECT_EQ(checked_base_url("http://[::1]:8080", "base_url"),
            "http://[::1]:8080");
}

TEST(Url, ABaseThatIsNoWebAddressIsRefused) {
  for (const char* bad :
       {"", "a.example/v1", "ftp://a.example", "file:///etc/passwd", "http://",
        "https://u:secret@a.example", "http://a.example?k=secret",
        "http://a.example#secret", "http://a b"}) {
    try {
      checked_base_url(bad, "base_url");
      ADD_FAILURE() << bad;
    } catch (const InvalidParameterError& error) {
      EXPECT_THAT(error.message(), HasSubstr("base_url"));
      EXPECT_THAT(error.message() + error.hint(), Not(HasSubstr("secret")));
    }
  }
}

TEST(Url, JoinsWithOneSlash) {
  EXPECT_EQ(join_url("http://a/v1", "chat"), "http://a/v1/chat");
  EXPECT_EQ(join_url("http://a/v1/", "/chat?x=1"), "http://a/v1/chat?x=1");
  EXPECT_EQ(join_url("http://a/v1/", ""), "http://a/v1");
}

TEST(Url, EscapesWhatIsReserved) {
  EXPECT_EQ(escape_url("org/model name-1.5_x~"), "org%2Fmodel%20name-1.5_x~");
  EXPECT_EQ(escape_url("\xC3\xA9?&"), "%C3%A9%3F%26");
}

TEST(Url, IsShownWithoutSecrets) {
  EXPECT_EQ(display_url("https://u:secret@a.example:444/v1?key=secret"),
            "https://a.example:444/v1");
  EXPECT_EQ(display_url("http://a.example/"), "http://a.example");
  EXPECT_EQ(display_url("nonsense with spaces"), "<invalid URL>");
}

TEST(Url, KnowsThisMachine) {
  EXPECT_TRUE(is_loopback_url("http://127.0.0.1:1/v1"));
  EXPECT_TRUE(is_loopback_url("http://localhost/v1"));
  EXPECT_TRUE(is_loopback_url("http://[::1]:1"));
  EXPECT_FALSE(is_loopback_url("http://128.0.0.1"));
  EXPECT_FALSE(is_loopback_url("http://localhost.example"));
  EXPECT_FALSE(is_loopback_url("nonsense with spaces"));
}

TEST(ResolveUrl, GoesWhereABrowserWould) {
  EXPECT_EQ(resolve_url("http://h:1/a/b?c", "/d?e"), "http://h:1/d?e");
  EXPECT_EQ(resolve_url("http://h/a/b", "c"), "http://h/a/c");
  EXPECT_EQ(resolve_url("http://h/a", "https://o/x?y=%2F"),
            "https://o/x?y=%2F");
  EXPECT_EQ(resolve_url("http://h/a", "file:///etc/passwd"), "");
  EXPECT_EQ(resolve_url("nonsense", "also"), "");
}

TEST(SameOrigin, IsSchemeHostAndPort) {
  EXPECT_TRUE(same_origin("http://h/a", "http://h:80/b?c"));
  EXPECT_TRUE(same_origin("https://H/", "https://h:443"));
  EXPECT_FALSE(same_origin("http://h/a", "https://h/a"));
  EXPECT_FALSE(same_origin("http://h:1/a", "http://h:2/a"));
  EXPECT_FALSE(same_origin("http://h/a", "http://h.evil/a"));
  EXPECT_FALSE(same_origin("", ""));
}

}  // namespace
}  // namespace abstractllm::net
