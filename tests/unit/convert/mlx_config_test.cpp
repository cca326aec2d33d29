// Configs of transformers 5 as mlx-lm reads them.
// SPDX-License-Identifier: Apache-2.0
#include "convert/mlx_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace abstractllm::convert {
namespace {

using nlohmann::json;

json completed(const json& config) {
  return json::parse(completed_for_mlx(config.dump()));
}

TEST(MlxConfigs, HaveTheRotationAtTheTop) {
  const json config = completed(
      {{"rope_parameters",
        {{"rope_type", "llama3"}, {"rope_theta", 5e5}, {"factor", 8.0}}}});
  EXPECT_EQ(config.at("rope_theta"), 5e5);
  EXPECT_EQ(
      config.at("rope_scaling"),
      (json{{"rope_type", "llama3"}, {"type", "llama3"}, {"factor", 8.0}}));
  const json plain = completed({{"rope_parameters",
                                 {{"rope_type", "default"},
                                  {"rope_theta", 1e6},
                                  {"partial_rotary_factor", 0.5}}}});
  EXPECT_EQ(plain.at("rope_theta"), 1e6);
  EXPECT_EQ(plain.at("partial_rotary_factor"), 0.5);
  EXPECT_FALSE(plain.contains("rope_scaling"));
}

TEST(MlxConfigs, HaveTheRotationsOfBothKindsOfLayers) {
  const json config = completed(
      {{"rope_parameters",
        {{"full_attention",
          {{"rope_type", "linear"}, {"factor", 8}, {"rope_theta", 1e6}}},
         {"sliding_attention",
          {{"rope_type", "default"}, {"rope_theta", 1e4}}}}}});
  EXPECT_EQ(config.at("rope_theta"), 1e6);
  EXPECT_EQ(config.at("rope_local_base_freq"), 1e4);
  EXPECT_EQ(config.at("rope_scaling").at("type"), "linear");
}

TEST(MlxConfigs, KeepWhatTheySayThemselves) {
  const json config = completed({{"rope_theta", 7},
                                 {"num_experts", 3},
                                 {"num_local_experts", 4},
                                 {"rope_parameters", {{"rope_theta", 8}}}});
  EXPECT_EQ(config.at("rope_theta"), 7);
  EXPECT_EQ(config.at("num_experts"), 3);
  EXPECT_EQ(completed({{"model_type", "x"}}), (json{{"model_type", "x"}}));
}

TEST(MlxConfigs, HaveWhatMlxBuildsModelsFromEvenWhereItDoesNothing) {
  const json yarn = completed({{"model_type", "deepseek_v2"},
                               {"max_position_embeddings", 4096},
                               {"rope_scaling", nullptr}});
  EXPECT_EQ(yarn.at("rope_scaling"),
            (json{{"type", "yarn"},
                  {"factor", 1.0},
                  {"original_max_position_embeddings", 4096}}));
  const json sees = completed(
      {{"model_type", "gemma3"}, {"text_config", {{"vocab_size", 300}}}});
  EXPECT_EQ(sees.at("vocab_size"), 300);
}

TEST(MlxConfigs, CountExpertsUnderBothNames) {
  const json config = completed({{"text_config", {{"num_local_experts", 4}}}});
  EXPECT_EQ(config.at("text_config").at("num_experts"), 4);
}

}  // namespace
}  // namespace abstractllm::convert
