// What the MLX provider refuses, and how.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/tiny_model.h"

namespace abstractllm {
namespace {

using test::fixture;
using test::greedy_request;
using test::open_fixture;
using testing::HasSubstr;

// A copy of a fixture that a test may damage.
class DamagedModel : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(testing::TempDir()) /
        ("damaged_" +
         std::string(
             testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(fixture("text/llama3"), folder_,
                          std::filesystem::copy_options::recursive);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  nlohmann::json config() const {
    std::ifstream stream(folder_ / "config.json");
    return nlohmann::json::parse(stream);
  }
  void set_config(const nlohmann::json& config) const {
    std::ofstream(folder_ / "config.json") << config.dump();
  }
  template <typename Expected>
  void expect_refused(const std::string& part) const {
    try {
      create_llm("mlx", {.model = folder_.string()});
      FAIL() << "expected an error naming " << part;
    } catch (const Expected& error) {
      EXPECT_THAT(error.message() + " " + error.hint(), HasSubstr(part));
    }
  }

  std::filesystem::path folder_;
};

TEST_F(DamagedModel, WithoutConfig) {
  std::filesystem::remove(folder_ / "config.json");
  expect_refused<ModelLoadingError>("config.json");
}

TEST_F(DamagedModel, WithAMissingField) {
  auto changed = config();
  changed.erase("num_hidden_layers");
  set_config(changed);
  expect_refused<ModelLoadingError>("num_hidden_layers");
}

TEST_F(DamagedModel, OfAnUnknownArchitecture) {
  auto changed = config();
  changed["model_type"] = "lama";
  set_config(changed);
  expect_refused<UnsupportedModelError>("llama");
}

TEST_F(DamagedModel, CutInHalf) {
  const auto file = folder_ / "model.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  expect_refused<ModelLoadingError>("model.safetensors");
}

TEST_F(DamagedModel, WithAnotherShape) {
  auto changed = config();
  changed["intermediate_size"] = 256;
  set_config(changed);
  expect_refused<ModelLoadingError>("mlp.gate_proj");
}

TEST_F(DamagedModel, WithTensorsNobodyKnows) {
  auto changed = config();
  changed["num_hidden_layers"] = 2;
  set_config(changed);
  expect_refused<ModelLoadingError>("model.layers.2.");
}

TEST_F(DamagedModel, WithMissingTensors) {
  auto changed = config();
  changed["num_hidden_layers"] = 4;
  set_config(changed);
  expect_refused<ModelLoadingError>("model.layers.3.");
}

TEST(MLXProviderErrors, NoSuchModel) {
  EXPECT_THROW(create_llm("mlx", {.model = "no/such-model"}),
               ModelNotFoundError);
}

template <typename Expected>
void expect_failed(AbstractLLMInterface& llm, const Request& request,
                   const std::string& part) {
  int events = 0;
  llm.stream(request, [&](const Event& event) {
    ++events;
    const auto* failed = std::get_if<Failed>(&event);
    EXPECT_NE(failed, nullptr);
    return true;
  });
  EXPECT_EQ(events, 1);
  try {
    llm.generate(request);
    FAIL() << "expected an error naming " << part;
  } catch (const Expected& error) {
    EXPECT_THAT(error.message(), HasSubstr(part));
    EXPECT_EQ(error.provider(), "mlx");
  }
}

TEST(MLXProviderErrors, RequestsThatCannotBeAnswered) {
  const auto llm = open_fixture("text/llama3", {.context_length = 32});
  expect_failed<InvalidRequestError>(*llm, {}, "nothing to answer");
  expect_failed<InvalidRequestError>(*llm, greedy_request({}, 4), "empty");
  expect_failed<InvalidRequestError>(*llm, greedy_request({1, 512}, 4), "512");
  expect_failed<InvalidRequestError>(*llm, greedy_request({-1}, 4), "-1");
  expect_failed<ContextWindowExceededError>(
      *llm, greedy_request(std::vector<std::int32_t>(32, 1), 4), "32");
  Request both = greedy_request({1}, 4);
  both.prompt = "x";
  expect_failed<InvalidRequestError>(*llm, both, "more than one");
  Request hot = greedy_request({1}, 4);
  hot.parameters.temperature = 2.1;
  expect_failed<InvalidParameterError>(*llm, hot, "temperature");
  Request picture;
  picture.messages = {{Role::kUser, {ImagePart{.path = "a.png"}}}};
  expect_failed<UnsupportedFeatureError>(*llm, picture, "image");
  Request shaped = greedy_request({1}, 4);
  shaped.response_format = {ResponseFormat::Kind::kJsonSchema, "{"};
  expect_failed<InvalidRequestError>(*llm, shaped, "not JSON");
  shaped.response_format.schema = R"({"type":"string","not":{"const":"a"}})";
  expect_failed<InvalidRequestError>(*llm, shaped, "cannot be followed");
  Request thoughtful = greedy_request({1}, 4);
  thoughtful.reasoning_effort = ReasoningEffort::kLow;
  expect_failed<UnsupportedFeatureError>(*llm, thoughtful, "reasoning_effort");
  Request biased = greedy_request({1}, 4);
  biased.parameters.logit_bias = {{512, 1.0}};
  expect_failed<InvalidParameterError>(*llm, biased, "512");
  EXPECT_EQ(llm->generate(greedy_request({1, 2}, 4)).token_ids.size(), 4u);
}

TEST(MLXProviderErrors, TheContextEndsAnAnswer) {
  const auto llm = open_fixture("text/llama3", {.context_length = 32});
  const GenerateResponse response =
      llm->generate(greedy_request({1, 2, 3}, 1000));
  EXPECT_EQ(response.finish_reason, FinishReason::kLength);
  EXPECT_EQ(response.usage.total_tokens(), 32);
}

TEST(MLXProviderErrors, ConfigurationsThatCannotBe) {
  EXPECT_THROW(open_fixture("text/llama3",
                            {.connection = {.base_url = "http://127.0.0.1"}}),
               UnsupportedFeatureError);
  EXPECT_THROW(open_fixture("text/llama3", {.device = "abacus"}),
               UnsupportedFeatureError);
  EXPECT_THROW(open_fixture("text/llama3", {.cpu_backend = "quick"}),
               InvalidParameterError);
  EXPECT_THROW(open_fixture("text/llama3", {.kv_cache_type = "f8"}),
               InvalidParameterError);
  EXPECT_THROW(open_fixture("text/llama3", {.cpu_backend = "reference",
                                            .kv_cache_type = "f16"}),
               UnsupportedFeatureError);
  EXPECT_THROW(open_fixture("text/llama3", {.cpu_precision = "int4"}),
               InvalidParameterError);
  EXPECT_THROW(
      open_fixture("text/llama3", {.cpu_precision = "int8", .cpu_exact = true}),
      InvalidParameterError);
  EXPECT_THROW(open_fixture("text/llama3", {.threads = -1}),
               InvalidParameterError);
  EXPECT_THROW(open_fixture("text/llama3", {.context_length = 513}),
               InvalidParameterError);
  EXPECT_THROW(open_fixture("text/llama3", {.prefill_chunk = -1}),
               InvalidParameterError);
}

}  // namespace
}  // namespace abstractllm
