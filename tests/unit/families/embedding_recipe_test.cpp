// SPDX-License-Identifier: Apache-2.0
#include "families/embedding_recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "support/temporary_folder.h"

namespace abstractllm::families {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Recipe : public testing::Test {
 protected:
  void module(const std::string& type, const std::string& path) {
    modules_ += (modules_.empty() ? "" : ",") + std::string(R"({"type":")") +
                type + R"(","path":")" + path + R"("})";
    folder_.file("modules.json", "[" + modules_ + "]");
  }
  void pooling(const std::string& config) {
    std::filesystem::create_directories(folder_.path() / "1_Pooling");
    folder_.file("1_Pooling/config.json", config);
    module("sentence_transformers.models.Transformer", "");
    module("sentence_transformers.models.Pooling", "1_Pooling");
  }
  std::optional<EmbeddingRecipe> read(bool is_encoder = false,
                                      std::string_view name = "model") const {
    return read_embedding_recipe(
        {.folder = folder_.path(), .name = name, .is_encoder = is_encoder});
  }
  template <typename Expected>
  void expect_refused(const std::string& part) const {
    try {
      read();
      FAIL() << "expected an error naming " << part;
    } catch (const Expected& error) {
      EXPECT_THAT(error.message() + error.hint(), HasSubstr(part));
    }
  }

  test::TemporaryFolder folder_;
  std::string modules_;
};

TEST_F(Recipe, ReadsTheSwitchesOfOlderConfigs) {
  pooling(R"({"word_embedding_dimension": 4, "pooling_mode_lasttoken": true,
              "pooling_mode_cls_token": true, "include_prompt": false})");
  const auto recipe = read();
  ASSERT_TRUE(recipe);
  EXPECT_THAT(recipe->pooling,
              ElementsAre(PoolingMode::kCls, PoolingMode::kLastToken));
  EXPECT_FALSE(recipe->include_prompt);
  EXPECT_EQ(describe(*recipe), "cls + lasttoken (modules.json)");
}

TEST_F(Recipe, ReadsTheModeOfNewerConfigs) {
  pooling(R"({"embedding_dimension": 4, "pooling_mode": "weightedmean"})");
  module("sentence_transformers.base.modules.normalize.Normalize",
         "2_Normalize");
  const auto recipe = read();
  ASSERT_TRUE(recipe);
  EXPECT_THAT(recipe->pooling, ElementsAre(PoolingMode::kWeightedMean));
  EXPECT_TRUE(recipe->include_prompt);
  ASSERT_EQ(recipe->steps.size(), 1u);
}

TEST_F(Recipe, TakesTheMeanWhereNoModeIsSet) {
  pooling(R"({"pooling_mode_cls_token": false})");
  EXPECT_THAT(read()->pooling, ElementsAre(PoolingMode::kMean));
}

TEST_F(Recipe, ReadsPromptsAndLimits) {
  pooling("{}");
  folder_.file("config_sentence_transformers.json",
               R"({"prompts": {"query": "Find: ", "document": null},
                   "default_prompt_name": "query", "truncate_dim": 2})");
  folder_.file("sentence_bert_config.json",
               R"({"max_seq_length": 256, "do_lower_case": false})");
  const auto recipe = read();
  EXPECT_EQ(recipe->prompts.at("query"), "Find: ");
  EXPECT_EQ(recipe->default_prompt, "query");
  EXPECT_EQ(recipe->dimensions, 2);
  EXPECT_EQ(recipe->max_tokens, 256);
}

TEST_F(Recipe, TakesTheTokenizersLimitWhereNoOtherIsSaid) {
  pooling("{}");
  folder_.file("tokenizer_config.json", R"({"model_max_length": 384})");
  EXPECT_EQ(read()->max_tokens, 384);
  folder_.file("tokenizer_config.json", R"({"model_max_length": 1e30})");
  EXPECT_FALSE(read()->max_tokens);
  folder_.file("tokenizer_config.json", R"({"model_max_length": 384})");
  folder_.file("sentence_bert_config.json",
               R"({"max_seq_length": 512, "do_lower_case": true})");
  EXPECT_EQ(read()->max_tokens, 512);
  EXPECT_TRUE(read()->lower_case);
}

TEST_F(Recipe, WithoutFilesGoesByTheKindOfModel) {
  EXPECT_FALSE(read());
  EXPECT_THAT(read(true)->pooling, ElementsAre(PoolingMode::kMean));
  EXPECT_THAT(read(false, "org/Qwen3-Embedding-4bit")->pooling,
              ElementsAre(PoolingMode::kLastToken));
}

TEST_F(Recipe, TakesThePoolingOfAGgufFile) {
  const auto recipe = read_embedding_recipe({.folder = {},
                                             .name = "org/model.gguf",
                                             .is_encoder = true,
                                             .pooling = "cls"});
  ASSERT_TRUE(recipe);
  EXPECT_EQ(describe(*recipe), "cls (pooling_type of the file)");
  EXPECT_FALSE(read_embedding_recipe(
      {.folder = {}, .name = "org/model.gguf", .pooling = ""}));
}

TEST_F(Recipe, RefusesModulesItCannotRun) {
  pooling("{}");
  module("sentence_transformers.models.LSTM", "2_LSTM");
  expect_refused<UnsupportedModelError>("LSTM");
}

TEST_F(Recipe, RefusesAnUnknownMode) {
  pooling(R"({"pooling_mode": "median"})");
  expect_refused<UnsupportedModelError>("median");
}

TEST_F(Recipe, RefusesFoldersOutsideOfTheModel) {
  for (const char* path : {"../other", "/etc", "a/../../b"}) {
    modules_.clear();
    module("sentence_transformers.models.Pooling", path);
    expect_refused<ModelLoadingError>("not within");
  }
}

TEST_F(Recipe, RefusesDamagedLists) {
  for (const char* text : {"{}", "[]", "3", "[[", "[1]"}) {
    folder_.file("modules.json", text);
    EXPECT_ANY_THROW(read()) << text;
  }
}

TEST_F(Recipe, RefusesADenseModuleWithoutWeightsOrWithAnUnknownActivation) {
  pooling("{}");
  std::filesystem::create_directories(folder_.path() / "2_Dense");
  folder_.file("2_Dense/config.json",
               R"({"in_features": 2, "out_features": 2})");
  module("sentence_transformers.models.Dense", "2_Dense");
  expect_refused<ModelLoadingError>("model.safetensors");
}

TEST_F(Recipe, RefusesADefaultPromptThatThereIsNot) {
  pooling("{}");
  folder_.file("config_sentence_transformers.json",
               R"({"prompts": {}, "default_prompt_name": "query"})");
  expect_refused<ModelLoadingError>("query");
}

}  // namespace
}  // namespace abstractllm::families
