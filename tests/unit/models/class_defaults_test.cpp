// What absent fields mean, and what null ones do.
// SPDX-License-Identifier: Apache-2.0
#include "models/class_defaults.h"

#include <gtest/gtest.h>

namespace abstractllm::models {
namespace {

io::JsonConfig read(const char* json) {
  return with_class_defaults(io::JsonConfig::parse(json, "config.json"));
}

TEST(ClassDefaults, StandWhereTheConfigIsSilent) {
  const io::JsonConfig config =
      read(R"({"model_type": "mixtral", "num_attention_heads": 16})");
  EXPECT_EQ(config.require_int("num_key_value_heads"), 8);
  EXPECT_EQ(config.require_int("num_experts_per_tok"), 2);
  EXPECT_EQ(read(R"({"model_type": "dots1", "n_group": 4})")
                .require_int("topk_group"),
            1);
}

TEST(ClassDefaults, LeaveWhatTheConfigSays) {
  const io::JsonConfig config = read(
      R"({"model_type": "deepseek_v3", "q_lora_rank": null, "n_group": 1})");
  EXPECT_TRUE(config.is_null("q_lora_rank"));
  EXPECT_EQ(config.require_int("n_group"), 1);
  EXPECT_EQ(config.require_int("topk_group"), 4);
}

TEST(ClassDefaults, AFieldOfTwoNamesHasBoth) {
  const io::JsonConfig config =
      read(R"({"model_type": "olmoe", "num_local_experts": 5})");
  EXPECT_EQ(config.require_int("num_experts"), 5);
  EXPECT_EQ(
      read(R"({"model_type": "gpt2", "hidden_size": 8})").require_int("n_embd"),
      8);
}

TEST(ClassDefaults, OfHeadsOnlyThoseThatFit) {
  EXPECT_FALSE(read(R"({"model_type": "qwen2", "num_attention_heads": 14})")
                   .has("num_key_value_heads"));
}

TEST(ClassDefaults, AreOfTheirOwnTypeAlone) {
  EXPECT_EQ(read(R"({"model_type": "llama"})").keys().size(), 1u);
  EXPECT_EQ(read(R"({"hidden_size": 8})").keys().size(), 1u);
}

}  // namespace
}  // namespace abstractllm::models
