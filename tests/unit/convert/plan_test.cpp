// What a conversion would write, decided without writing it.
// SPDX-License-Identifier: Apache-2.0
#include "convert/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "io/model_files.h"

namespace abstractllm::convert {
namespace {

using testing::HasSubstr;

io::WeightSource llama() {
  return io::WeightSource::open(
      io::ModelFiles::at(std::filesystem::path(ABSTRACTLLM_TEST_DATA) /
                         "fixtures" / "text" / "llama3"));
}

const PlannedModule* find(const ConversionPlan& plan, const std::string& name) {
  for (const PlannedModule& module : plan.modules) {
    if (module.source == name) return &module;
  }
  return nullptr;
}

TEST(ConversionPlans, QuantiseMatricesAndKeepVectors) {
  const auto plan =
      make_plan(llama(), {.mode = "affine", .bits = 8, .group_size = 32});
  const PlannedModule* module = find(plan, "model.layers.0.self_attn.q_proj");
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(module->quantisation, (Quantisation{"affine", 8, 32}));
  ASSERT_EQ(module->tensors.size(), 3u);
  EXPECT_EQ(module->tensors[0].type, "U32");
  EXPECT_THAT(module->tensors[0].shape, testing::ElementsAre(64, 16));
  EXPECT_THAT(module->tensors[1].shape, testing::ElementsAre(64, 2));
  EXPECT_EQ(module->tensors[1].type, "BF16");
  const PlannedModule* norm = find(plan, "model.norm.weight");
  ASSERT_NE(norm, nullptr);
  EXPECT_EQ(norm->kind, PlannedModule::Kind::kVector);
  EXPECT_FALSE(norm->quantisation);
}

TEST(ConversionPlans, TakeTheFirstRuleThatFits) {
  const auto plan = make_plan(llama(), {.mode = "affine",
                                        .rules = {{"*.down_proj", "8/32"},
                                                  {"*.layers.0.*", "keep"},
                                                  {"*.layers.1.*", "mxfp4"}}});
  EXPECT_EQ(find(plan, "model.layers.0.mlp.down_proj")->quantisation,
            (Quantisation{"affine", 8, 32}));
  EXPECT_FALSE(find(plan, "model.layers.0.mlp.up_proj")->quantisation);
  EXPECT_EQ(find(plan, "model.layers.1.mlp.up_proj")->quantisation,
            (Quantisation{"mxfp4", 4, 32}));
  const auto json = nlohmann::json::parse(quantization_json(plan));
  EXPECT_EQ(json.at("bits"), 4);
  EXPECT_EQ(json.at("group_size"), 64);
  EXPECT_EQ(json.at("model.layers.0.mlp.up_proj"), false);
  EXPECT_EQ(json.at("model.layers.1.mlp.up_proj").at("mode"), "mxfp4");
  EXPECT_FALSE(json.contains("model.layers.2.mlp.up_proj"));
}

TEST(ConversionPlans, GiveMoreBitsAsMlxLmDoes) {
  // Of 32 layers: the first and last eighth, and every third between.
  EXPECT_TRUE(takes_more_bits("model.layers.3.self_attn.v_proj", 32));
  EXPECT_FALSE(takes_more_bits("model.layers.4.self_attn.v_proj", 32));
  EXPECT_TRUE(takes_more_bits("model.layers.6.mlp.down_proj", 32));
  EXPECT_TRUE(takes_more_bits("model.layers.28.mlp.down_proj", 32));
  EXPECT_FALSE(takes_more_bits("model.layers.28.mlp.up_proj", 32));
  EXPECT_TRUE(takes_more_bits("lm_head", 32));
  EXPECT_FALSE(takes_more_bits("model.embed_tokens", 32));
}

TEST(ConversionPlans, RefuseWhatMlxDoesNotHave) {
  for (const ConversionOptions& options :
       {ConversionOptions{.mode = "affine", .bits = 7},
        ConversionOptions{.mode = "affine", .group_size = 48},
        ConversionOptions{.mode = "mxfp4", .bits = 8},
        ConversionOptions{.mode = "int4"}, ConversionOptions{.bits = 4},
        ConversionOptions{.mode = "affine", .recipe = "mixed_1_2"},
        ConversionOptions{.mode = "affine", .bits = 4, .recipe = "mixed_3_6"},
        ConversionOptions{.mode = "affine", .rules = {{"*", "8/"}}},
        ConversionOptions{.dtype = "float64"}}) {
    EXPECT_THROW(make_plan(llama(), options), InvalidParameterError);
  }
}

TEST(Globs, MatchAsInAShell) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("*.q_proj", "model.layers.0.self_attn.q_proj"));
  EXPECT_TRUE(matches_glob("model.layers.?.mlp.*", "model.layers.3.mlp.up"));
  EXPECT_FALSE(matches_glob("model.layers.?.mlp.*", "model.layers.30.mlp.up"));
  EXPECT_FALSE(matches_glob("q_proj", "self_attn.q_proj"));
  EXPECT_FALSE(matches_glob("", "x"));
  EXPECT_TRUE(matches_glob("a*b*c", "aXXbYYbZc"));
  EXPECT_FALSE(matches_glob("a*b*c", "aXXbYYbZ"));
}

TEST(Globs, OfManyStarsAreAnsweredAtOnce) {
  std::string glob;
  for (int i = 0; i < 40; ++i) glob += "*a";
  EXPECT_FALSE(matches_glob(glob + "b", std::string(4000, 'a')));
}

}  // namespace
}  // namespace abstractllm::convert
