// SPDX-License-Identifier: Apache-2.0
#include "models/registry.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace abstractllm::models {
namespace {

TEST(ModelRegistry, ListsEachTypeOnceAndSorted) {
  const auto types = model_types();
  EXPECT_TRUE(std::is_sorted(types.begin(), types.end()));
  EXPECT_EQ(std::adjacent_find(types.begin(), types.end()), types.end());
  for (const auto& type : types) EXPECT_TRUE(contains(type));
  EXPECT_FALSE(contains("lama"));
}

}  // namespace
}  // namespace abstractllm::models
