// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/model_parameter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "abstractllm/error.h"
#include "support/source_folder.h"

namespace abstractllm {
namespace {

using ::testing::HasSubstr;
using enum ModelParameter;

template <typename Thrown>
Thrown error_of(const ParameterMap& parameters) {
  try {
    make_provider_config(parameters);
  } catch (const Thrown& error) {
    return error;
  }
  ADD_FAILURE() << "nothing of that kind was thrown";
  return Thrown("");
}

TEST(ModelParameter, NamesGoBothWays) {
  for (const ModelParameter parameter : model_parameters()) {
    EXPECT_EQ(parse_model_parameter(to_string(parameter)), parameter);
  }
  EXPECT_EQ(to_string(kLoadIn8bit), "load_in_8bit");
  EXPECT_EQ(model_parameters().size(), 38u);
  try {
    parse_model_parameter("temprature");
    ADD_FAILURE();
  } catch (const InvalidParameterError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("Did you mean temperature?"));
  }
}

TEST(ModelParameter, OptionsComeToTheirPlaces) {
  const ProviderConfig config = make_provider_config({
      {kModel, "gpt-4o"},
      {kTemperature, 1},
      {kMaxTokens, 64},
      {kTopP, 0.5},
      {kStop, "END"},
      {kLogitBias, std::map<std::int32_t, double>{{7, -2.5}}},
      {kSeed, std::monostate{}},
      {kApiKey, "k"},
      {kBaseUrl, "http://host/v1"},
      {kOrganization, "o"},
      {kProxy, "http://proxy:1"},
      {kRequestTimeout, 2.5},
      {kDevice, "cpu"},
      {kContextWindow, 4096},
      {kLoadIn4bit, false},
  });
  EXPECT_EQ(config.model, "gpt-4o");
  EXPECT_EQ(to_json(config.parameters),
            R"({"temperature":1.0,"top_p":0.5,"logit_bias":{"7":-2.5},)"
            R"("stop":["END"],"max_tokens":64})");
  EXPECT_EQ(config.connection.api_key, "k");
  EXPECT_EQ(config.connection.base_url, "http://host/v1");
  EXPECT_EQ(config.connection.organization, "o");
  EXPECT_EQ(config.connection.proxy, "http://proxy:1");
  EXPECT_EQ(config.connection.total_timeout, 2.5);
  EXPECT_EQ(config.device, "cpu");
  EXPECT_EQ(config.context_length, 4096);
}

TEST(ModelParameter, ListsOfStopTextsAndTheAliasAreTaken) {
  const ProviderConfig config = make_provider_config(
      {{kStop, std::vector<std::string>{"a", "b"}}, {kMaxOutputTokens, 5}});
  EXPECT_EQ(config.parameters.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.parameters.max_tokens, 5);
}

TEST(ModelParameter, WrongValuesAreRefused) {
  for (const ParameterMap& wrong : std::vector<ParameterMap>{
           {{kTemperature, 5}},
           {{kTemperature, "warm"}},
           {{kTemperature, std::numeric_limits<double>::quiet_NaN()}},
           {{kModel, 4}},
           {{kApiKey, true}},
           {{kTimeout, -1}},
           {{kTimeout, "long"}},
           {{kContextWindow, 0}},
           {{kContextWindow, 0.5}},
           {{kMaxTokens, 1.5}},
           {{kLoadIn8bit, "yes"}},
           {{kMaxTokens, 1}, {kMaxOutputTokens, 1}},
           {{kTimeout, 1}, {kRequestTimeout, 1}}}) {
    error_of<InvalidParameterError>(wrong);
  }
}

TEST(ModelParameter, WhatIsNoOptionOfAProviderSaysWhereItWent) {
  const auto error = error_of<UnsupportedFeatureError>({{kLoadIn4bit, true}});
  EXPECT_THAT(error.message(), HasSubstr("load_in_4bit"));
  EXPECT_THAT(error.hint(), HasSubstr("allm quantize"));
  for (const ModelParameter parameter :
       {kSystemPrompt, kMaxInputTokens, kTruncationStrategy, kRetryCount,
        kMaxRetries, kUser, kDeviceMap, kCacheDir, kImage, kImages,
        kImageDetail, kTools, kToolChoice}) {
    EXPECT_NE(error_of<UnsupportedFeatureError>({{parameter, "x"}}).hint(), "");
  }
}

// docs/providers.md has each of them.
TEST(ModelParameter, ThePageHasThemAll) {
  std::ifstream file(test::source_folder() / "docs/providers.md");
  std::stringstream page;
  page << file.rdbuf();
  for (const ModelParameter parameter : model_parameters()) {
    EXPECT_THAT(page.str(),
                HasSubstr("`" + std::string(to_string(parameter)) + "`"));
  }
}

}  // namespace
}  // namespace abstractllm
