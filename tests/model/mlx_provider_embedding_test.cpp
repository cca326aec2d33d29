// Embeddings through the public interface, on tiny models.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "model/tiny_model.h"
#include "support/temporary_folder.h"

namespace abstractllm {
namespace {

using test::fixture;
using test::greedy_request;
using test::open_fixture;
using testing::Contains;
using testing::HasSubstr;
using testing::Key;

constexpr char kEncoder[] = "embed/xlm-roberta";

double length_of(const std::vector<float>& vector) {
  double sum = 0;
  for (const float value : vector) sum += double{value} * value;
  return std::sqrt(sum);
}

TEST(MlxEmbedding, CountsTokensAndGivesLengthOne) {
  const auto llm = open_fixture(kEncoder);
  EXPECT_TRUE(llm->capabilities().supports(ModelCapability::kEmbeddings));
  EXPECT_FALSE(llm->capabilities().supports(ModelCapability::kStreaming));
  const auto answer = llm->embed({.inputs = {"Hello world", "a"}});
  ASSERT_EQ(answer.vectors.size(), 2u);
  EXPECT_EQ(answer.usage.prompt_tokens,
            static_cast<int>(llm->tokenize("Hello world", true).size() +
                             llm->tokenize("a", true).size()));
  for (const auto& vector : answer.vectors) {
    EXPECT_EQ(vector.size(), 32u);
    EXPECT_NEAR(length_of(vector), 1, 1e-5);
  }
}

// Two rows of its table of positions stand before the first one.
TEST(MlxEmbedding, CutsTextsToWhatTheTableOfPositionsHolds) {
  const auto llm = open_fixture(kEncoder);
  const auto answer =
      llm->embed({.inputs = {std::string(5000, 'a')}, .truncate = true});
  EXPECT_EQ(answer.usage.prompt_tokens, llm->capabilities().context_length);
}

TEST(MlxEmbedding, PutsTextsIntoLowerCaseWhereTheModelSaysSo) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(fixture(kEncoder), folder.path() / "m",
                        std::filesystem::copy_options::recursive);
  std::ofstream(folder.path() / "m" / "sentence_bert_config.json")
      << R"({"max_seq_length": 64, "do_lower_case": true})";
  ProviderConfig config;
  config.model = (folder.path() / "m").string();
  const auto llm = create_llm("mlx", config);
  const auto of = [&](const char* text) {
    return llm->embed({.inputs = {text}}).vectors;
  };
  EXPECT_EQ(of("HELLO \xC3\x84"), of("hello \xC3\xA4"));  // an umlaut
}

TEST(MlxEmbedding, DoesNotDependOnTheOtherTexts) {
  ProviderConfig config;
  config.cpu_precision = "int8-pair";
  config.prefill_chunk = 16;
  for (const char* name : {kEncoder, "embed/embeddinggemma"}) {
    const auto llm = open_fixture(name, config);
    std::vector<std::string> texts;
    for (int i = 0; i < 20; ++i) {
      texts.push_back(std::string(1 + i * 7 % 60, static_cast<char>('a' + i)));
    }
    const auto together = llm->embed({.inputs = texts}).vectors;
    for (std::size_t i = 0; i < texts.size(); i += 3) {
      EXPECT_EQ(llm->embed({.inputs = {texts[i]}}).vectors[0], together[i])
          << name << ", text " << i;
    }
  }
}

TEST(MlxEmbedding, CutsVectorsToTheirFirstValues) {
  const auto llm = open_fixture(kEncoder);
  const auto whole = llm->embed({.inputs = {"abc"}}).vectors[0];
  const auto cut = llm->embed({.inputs = {"abc"}, .dimensions = 8}).vectors[0];
  ASSERT_EQ(cut.size(), 8u);
  EXPECT_NEAR(length_of(cut), 1, 1e-5);
  EXPECT_NEAR(cut[0] / cut[1], whole[0] / whole[1], 1e-4);
  EXPECT_THROW(llm->embed({.inputs = {"abc"}, .dimensions = 33}),
               InvalidRequestError);
}

TEST(MlxEmbedding, RefusesTextsThatAreTooLongUnlessTheyMayBeCut) {
  const auto llm = open_fixture(kEncoder, {.context_length = 20});
  const std::string text(60, 'x');
  EXPECT_THROW(llm->embed({.inputs = {text}}), ContextWindowExceededError);
  const auto answer = llm->embed({.inputs = {text}, .truncate = true});
  EXPECT_EQ(answer.usage.prompt_tokens, 20);
  // The special tokens stay: as the text that is as short from the start.
  EXPECT_EQ(answer.vectors,
            llm->embed({.inputs = {std::string(18, 'x')}}).vectors);
}

TEST(MlxEmbedding, RefusesWhatIsNoRequest) {
  const auto llm = open_fixture(kEncoder);
  EXPECT_THROW(llm->embed({}), InvalidRequestError);
  EXPECT_THROW(llm->embed({.inputs = {"a", ""}}), InvalidRequestError);
  EXPECT_THROW(llm->embed({.inputs = {"a"}, .dimensions = 0}),
               InvalidRequestError);
  EXPECT_THROW(llm->embed({.inputs = {"a"}, .prompt_name = "query"}),
               InvalidRequestError);
  CancelToken cancel;
  cancel.cancel();
  EXPECT_THROW(llm->embed({.inputs = {"a"}, .cancel = cancel}), CancelledError);
}

TEST(MlxEmbedding, EncodersGenerateNothingAndSayWhatTheyAreFor) {
  const auto llm = open_fixture(kEncoder);
  try {
    llm->generate(greedy_request({5, 6}, 3));
    FAIL();
  } catch (const UnsupportedOperationError& error) {
    EXPECT_THAT(error.message(), HasSubstr("encoder"));
    EXPECT_THAT(error.hint(), HasSubstr("embed"));
  }
  EXPECT_THROW(llm->score({5, 6, 7}), UnsupportedOperationError);
  EXPECT_THAT(llm->describe(), Contains(Key("embedding_pooling")));
}

TEST(MlxEmbedding, DecodersWithoutPoolingMakeNone) {
  const auto llm = open_fixture("text/llama3");
  EXPECT_FALSE(llm->capabilities().supports(ModelCapability::kEmbeddings));
  EXPECT_THROW(llm->embed({.inputs = {"a"}}), UnsupportedOperationError);
}

// A copy of a fixture with prompts.
class PromptedModel : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy(
        fixture(kEncoder), folder_.path(),
        std::filesystem::copy_options::recursive |
            std::filesystem::copy_options::overwrite_existing);
    folder_.file("config_sentence_transformers.json",
                 R"({"prompts": {"query": "find: ", "document": ""},
                     "default_prompt_name": "query"})");
  }
  std::unique_ptr<AbstractLLMInterface> open() const {
    ProviderConfig config;
    config.model = folder_.path().string();
    config.cpu_exact = true;
    return create_llm("mlx", std::move(config));
  }
  test::TemporaryFolder folder_;
};

TEST_F(PromptedModel, PutsThePromptInFront) {
  const auto llm = open();
  const auto plain = [&](const std::string& text) {
    return llm->embed({.inputs = {text}, .prompt_name = "document"}).vectors;
  };
  EXPECT_EQ(llm->embed({.inputs = {"cats"}}).vectors, plain("find: cats"));
  EXPECT_EQ(llm->embed({.inputs = {"cats"}, .prompt_name = "query"}).vectors,
            plain("find: cats"));
  EXPECT_NE(plain("cats"), plain("find: cats"));
  try {
    llm->embed({.inputs = {"cats"}, .prompt_name = "quarry"});
    FAIL();
  } catch (const InvalidRequestError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("document, query"));
  }
}

TEST_F(PromptedModel, LeavesThePromptOutOfThePoolingWhereTheModelDoes) {
  folder_.file("1_Pooling/config.json",
               R"({"pooling_mode": "cls", "include_prompt": false})");
  const auto without = open()->embed({.inputs = {"cats"}}).vectors;
  folder_.file("1_Pooling/config.json", R"({"pooling_mode": "cls"})");
  EXPECT_NE(open()->embed({.inputs = {"cats"}}).vectors, without);
}

}  // namespace
}  // namespace abstractllm
