// SPDX-License-Identifier: Apache-2.0
#include "models/registry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "io/json_config.h"

namespace abstractllm::models {
namespace {

TEST(ModelRegistry, ListsEachTypeOnceAndSorted) {
  const auto types = model_types();
  EXPECT_TRUE(std::is_sorted(types.begin(), types.end()));
  EXPECT_EQ(std::adjacent_find(types.begin(), types.end()), types.end());
  for (const auto& type : types) EXPECT_TRUE(contains(type));
  EXPECT_FALSE(contains("lama"));
}

TEST(ModelRegistry, TellsEncodersFromDecoders) {
  const auto kind = [](const char* json) {
    return kind_of(io::JsonConfig::parse(json, "config.json"));
  };
  EXPECT_EQ(kind(R"({"model_type": "llama"})"), ModelKind::kDecoder);
  EXPECT_EQ(kind(R"({"model_type": "bert"})"), ModelKind::kEncoder);
  EXPECT_EQ(kind(R"({"model_type": "qwen2", "is_causal": false})"),
            ModelKind::kEncoder);
  EXPECT_EQ(kind(R"({"model_type": "gemma3_text",
                     "use_bidirectional_attention": true})"),
            ModelKind::kEncoder);
  EXPECT_EQ(kind(R"({"model_type": "unheard_of"})"), ModelKind::kDecoder);
}

}  // namespace
}  // namespace abstractllm::models
