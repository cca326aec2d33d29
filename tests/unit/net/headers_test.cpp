// SPDX-License-Identifier: Apache-2.0
#include "net/headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Headers, AreFoundWithoutLetterCase) {
  const Headers headers{
      {"Content-Type", "text/plain"}, {"X-Id", "1"}, {"x-id", "2"}};
  EXPECT_EQ(find_header(headers, "content-type"), "text/plain");
  EXPECT_EQ(find_header(headers, "X-ID"), "1");
  EXPECT_EQ(find_header(headers, "X-I"), std::nullopt);
}

TEST(Headers, RedactionHidesEverySecretAndNothingElse) {
  const Headers shown = redacted({{"Authorization", "Bearer sk-1"},
                                  {"x-api-key", "sk-2"},
                                  {"Set-Cookie", "sk-3"},
                                  {"X-Auth-Token", "sk-4"},
                                  {"Accept", "text/event-stream"}});
  for (const Header& header : shown) {
    EXPECT_THAT(header.value, Not(HasSubstr("sk-")));
  }
  EXPECT_EQ(shown.back().value, "text/event-stream");
}

TEST(Headers, SecretsAreTakenOutOfTexts) {
  const auto secrets = secrets_of({{"Authorization", "Bearer k-1"},
                                   {"x-api-key", "k-2"},
                                   {"X-Auth-Token", "Bearer "},
                                   {"Accept", "k-3"}});
  EXPECT_EQ(secrets, (std::vector<std::string>{"k-1", "k-2"}));
  EXPECT_EQ(without_secret("k-1, k-1k-1", "k-1", "***"), "***, ******");
  // A placeholder that nobody filled in.
  EXPECT_EQ(without_secret("no <key>", "<key>", "<key>"), "no <key>");
}

TEST(Headers, ALineCannotHoldAnotherLine) {
  EXPECT_EQ(header_line({"X-Id", "a b\tc"}), "X-Id: a b\tc");
  for (const Header& bad :
       {Header{"X", "a\r\nEvil: 1"}, Header{"X", "a\n"},
        Header{"X", std::string("a\0b", 3)}, Header{"X Y", "a"},
        Header{"X:", "a"}, Header{"", "a"}}) {
    EXPECT_THROW(header_line(bad), InvalidParameterError) << bad.name;
  }
}

TEST(Headers, ARefusedValueIsNotShown) {
  try {
    header_line({"Authorization", "Bearer sk-secret\n"});
    FAIL();
  } catch (const InvalidParameterError& error) {
    EXPECT_THAT(error.message(), HasSubstr("Authorization"));
    EXPECT_THAT(error.message() + error.hint(), Not(HasSubstr("sk-secret")));
  }
}

}  // namespace
}  // namespace abstractllm::net
