// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/error.h"

#include <gtest/gtest.h>

#include <set>

namespace abstractllm {
namespace {

TEST(ErrorTable, EveryCodeHasItsOwnRow) {
  std::set<int> exit_codes;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const ErrorTraits& traits = error_traits(code);
    EXPECT_EQ(traits.code, code);
    EXPECT_FALSE(traits.name.empty());
    EXPECT_GE(traits.http_status, 400);
    EXPECT_TRUE(exit_codes.insert(traits.exit_code).second) << traits.name;
  }
}

TEST(ErrorTable, ThrowErrorRestoresTheClass) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    Error value(static_cast<ErrorCode>(i), "what", "hint", "mlx");
    value.set_service({429, "req_1", 1.5, true});
    try {
      throw_error(value);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), value.code());
      EXPECT_EQ(error.message(), "what");
      EXPECT_EQ(error.hint(), "hint");
      EXPECT_EQ(error.provider(), "mlx");
      EXPECT_EQ(error.service(), (ServiceReport{429, "req_1", 1.5, true}));
    }
  }
  EXPECT_THROW(throw_error(Error(ErrorCode::kMemoryExceeded, "m")),
               ResourceExceededError);
  EXPECT_THROW(throw_error(Error(ErrorCode::kInvalidParameter, "m")),
               InvalidRequestError);
}

}  // namespace
}  // namespace abstractllm
