// Names in a config.json that its authors, or its time, used.
// SPDX-License-Identifier: Apache-2.0
#include "io/model_config.h"

#include <gtest/gtest.h>

#include "support/temporary_folder.h"

namespace abstractllm::io {
namespace {

JsonConfig load(const std::string& text) {
  const test::TemporaryFolder folder;
  return load_model_config(folder.file("config.json", text));
}

TEST(ModelConfig, TypesFromBeforeTransformersAreTodays) {
  const JsonConfig seven = load(R"({"model_type": "RefinedWebModel",
      "hidden_size": 4544, "n_head": 71, "n_layer": 32, "multi_query": true})");
  EXPECT_EQ(seven.require_string("model_type"), "falcon");
  EXPECT_EQ(seven.require_int("num_attention_heads"), 71);
  EXPECT_EQ(seven.require_int("num_hidden_layers"), 32);
  EXPECT_FALSE(seven.has("new_decoder_architecture"));

  const JsonConfig forty = load(R"({"model_type": "RefinedWeb",
      "n_head": 128, "n_head_kv": 8, "n_layer": 60})");
  EXPECT_EQ(forty.require_string("model_type"), "falcon");
  EXPECT_EQ(forty.require_int("num_kv_heads"), 8);
  EXPECT_TRUE(forty.require_bool("new_decoder_architecture"));

  const JsonConfig stable = load(R"({"model_type": "stablelm_epoch",
      "norm_eps": 1e-4, "rope_pct": 0.5, "partial_rotary_factor": 0.25})");
  EXPECT_EQ(stable.require_string("model_type"), "stablelm");
  EXPECT_EQ(stable.require_number("layer_norm_eps"), 1e-4);
  EXPECT_EQ(stable.require_number("partial_rotary_factor"), 0.25);
}

TEST(ModelConfig, OtherTypesKeepTheirFields) {
  const JsonConfig config = load(R"({"model_type": "gpt2", "n_head": 2})");
  EXPECT_EQ(config.require_string("model_type"), "gpt2");
  EXPECT_FALSE(config.has("num_attention_heads"));
  EXPECT_EQ(load(R"({"llm_config": {"model_type": "qwen2"}})")
                .require_object("text_config")
                .require_string("model_type"),
            "qwen2");
  EXPECT_TRUE(load(R"({"model_type": 3})").has("model_type"));
}

}  // namespace
}  // namespace abstractllm::io
