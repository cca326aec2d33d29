// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/message.h"

#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm {
namespace {

TEST(Message, RolesRoundTrip) {
  for (Role role :
       {Role::kSystem, Role::kUser, Role::kAssistant, Role::kTool}) {
    EXPECT_EQ(parse_role(to_string(role)), role);
  }
  EXPECT_EQ(parse_role("developer"), Role::kSystem);
  EXPECT_THROW(parse_role("robot"), InvalidRequestError);
}

TEST(Message, TextJoinsTextPartsOnly) {
  const Message message{
      Role::kAssistant,
      {TextPart{"a"}, ReasoningPart{"hidden"}, TextPart{"b"}}};
  EXPECT_EQ(message.text(), "ab");
}

}  // namespace
}  // namespace abstractllm
