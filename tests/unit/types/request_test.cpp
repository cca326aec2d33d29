// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/request.h"

#include <gtest/gtest.h>

#include "abstractllm/error.h"

namespace abstractllm {
namespace {

TEST(ReasoningEffort, NamesRoundTrip) {
  for (const ReasoningEffort effort :
       {ReasoningEffort::kOff, ReasoningEffort::kLow, ReasoningEffort::kMedium,
        ReasoningEffort::kHigh}) {
    EXPECT_EQ(parse_reasoning_effort(to_string(effort)), effort);
  }
  EXPECT_EQ(parse_reasoning_effort("on"), ReasoningEffort::kMedium);
  EXPECT_EQ(parse_reasoning_effort("none"), ReasoningEffort::kOff);
  EXPECT_THROW(parse_reasoning_effort("hard"), InvalidParameterError);
  EXPECT_THROW(parse_reasoning_effort(""), InvalidParameterError);
}

}  // namespace
}  // namespace abstractllm
