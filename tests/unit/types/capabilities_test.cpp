// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "abstractllm/llm.h"

namespace abstractllm {
namespace {

TEST(ModelCapability, EachHasItsOwnName) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ModelCapability::kTokenize); ++i) {
    const std::string_view name = to_string(static_cast<ModelCapability>(i));
    EXPECT_NE(name, "unknown");
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(FinishReason, EachHasItsOwnName) {
  EXPECT_EQ(to_string(FinishReason::kStop), "stop");
  EXPECT_EQ(to_string(FinishReason::kLength), "length");
  EXPECT_EQ(to_string(FinishReason::kToolCalls), "tool_calls");
  EXPECT_EQ(to_string(FinishReason::kCancelled), "cancelled");
}

}  // namespace
}  // namespace abstractllm
