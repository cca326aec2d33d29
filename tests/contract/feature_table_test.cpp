// Every feature of a request, asked of every remote provider: taken as the
// table says, or refused by name.
// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/feature_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "abstractllm/error.h"
#include "base/base64.h"
#include "contract/wire_script.h"
#include "providers/remote_providers.h"

namespace abstractllm::providers {
namespace {

using ::testing::HasSubstr;

constexpr char kPng[] = "\x89PNG\r\n\x1A\nx";

Request hello() {
  Request request;
  request.messages = {Message::user("Hi")};
  return request;
}

Request with_image(ImagePart image) {
  Request request;
  request.messages = {{Role::kUser, {TextPart{"What?"}, std::move(image)}}};
  return request;
}

Request with_tools(std::optional<ToolChoice> choice,
                   std::optional<bool> parallel) {
  Request request = hello();
  request.tools = {{"add", "Adds.", R"({"type":"object"})"}};
  request.tool_choice = std::move(choice);
  request.parallel_tool_calls = parallel;
  return request;
}

Request with_format(ResponseFormat format) {
  Request request = hello();
  request.response_format = std::move(format);
  return request;
}

Request of_prompt(std::optional<std::string> prompt,
                  std::optional<std::vector<std::int32_t>> ids) {
  Request request;
  request.prompt = std::move(prompt);
  request.prompt_token_ids = std::move(ids);
  return request;
}

Request with_effort() {
  Request request = hello();
  request.reasoning_effort = ReasoningEffort::kLow;
  return request;
}

Request with_reasoning() {
  Request request = hello();
  request.messages.push_back(
      {Role::kAssistant, {ReasoningPart{"hm"}, TextPart{"yes"}}});
  request.messages.push_back(Message::user("And?"));
  return request;
}

Request with_variables() {
  Request request = hello();
  request.template_variables = R"({"x":1})";
  return request;
}

Request with_adapter() {
  Request request = hello();
  request.adapter = "a";
  return request;
}

using Mode = ToolChoice::Mode;
using Kind = ResponseFormat::Kind;

const std::map<std::string_view, Request>& chat_samples() {
  static const std::map<std::string_view, Request> samples{
      {"images as path or bytes", with_image({.bytes = kPng})},
      {"images as URL", with_image({.url = "https://e.example/x.png"})},
      {"level of image detail", with_image({.bytes = kPng, .detail = "low"})},
      {"tools, parallel", with_tools({}, {})},
      {"tool choice `none`", with_tools(ToolChoice{Mode::kNone}, {})},
      {"tool choice `required` or a name",
       with_tools(ToolChoice{Mode::kNamed, "add"}, {})},
      {"limit to one call", with_tools({}, false)},
      {"JSON without schema", with_format({Kind::kJsonObject})},
      {"JSON Schema", with_format({Kind::kJsonSchema, R"({"type":"object"})"})},
      {"regular expression",
       with_format({.kind = Kind::kRegex, .pattern = "a"})},
      {"grammar (Lark)",
       with_format({.kind = Kind::kGrammar, .grammar = "start: \"a\""})},
      {"reasoning effort", with_effort()},
      {"reasoning goes back", with_reasoning()},
      {"prompt without template", of_prompt("Once", {})},
      {"prompt as token ids", of_prompt({}, {{1, 2}})},
      {"template variables", with_variables()},
      {"adapter", with_adapter()}};
  return samples;
}

const std::map<std::string_view, EmbeddingRequest>& embedding_samples() {
  static const std::map<std::string_view, EmbeddingRequest> samples{
      {"embeddings", {.inputs = {"a"}}},
      {"a prompt's name, for embeddings",
       {.inputs = {"a"}, .prompt_name = "query"}},
      {"texts cut for embeddings", {.inputs = {"a"}, .truncate = true}}};
  return samples;
}

ParameterColumn column_of(const std::string& provider) {
  for (std::size_t i = 0; i < kParameterColumns; ++i) {
    const auto column = static_cast<ParameterColumn>(i);
    if (provider_of(column) == provider) return column;
  }
  throw std::out_of_range(provider);
}

class Features : public ::testing::TestWithParam<test::WireScript> {
 protected:
  // Null when the request went out.
  std::optional<Error> refusal_of(const Request& request) {
    server.set_handler([](const test::SeenRequest&) {
      return test::stream_reply(GetParam(), GetParam().text({"x"}));
    });
    try {
      llm->generate(request);
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }
  std::optional<Error> refusal_of(const EmbeddingRequest& request) {
    if (GetParam().vectors != nullptr) {
      server.set_handler([](const test::SeenRequest&) {
        return test::Reply().json(GetParam().vectors(1));
      });
    }
    try {
      llm->embed(request);
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }

  void expect(const FeatureRow& row, const std::optional<Error>& refusal) {
    SCOPED_TRACE(row.feature);
    if (row.cell(column_of(GetParam().provider)) != kRefused) {
      EXPECT_FALSE(refusal) << refusal->message();
      return;
    }
    ASSERT_TRUE(refusal) << "was not refused";
    EXPECT_THAT(refusal->code(),
                ::testing::AnyOf(ErrorCode::kUnsupportedFeature,
                                 ErrorCode::kUnsupportedOperation));
    EXPECT_THAT(refusal->message(), HasSubstr(GetParam().provider));
    EXPECT_NE(refusal->hint(), "");
  }

  test::HttpServer server;
  std::unique_ptr<AbstractLLMInterface> llm =
      test::provider_at(GetParam(), server);
};

TEST_P(Features, AreTakenOrRefusedAsTheTableSays) {
  for (const FeatureRow& row : feature_table()) {
    if (const auto chat = chat_samples().find(row.feature);
        chat != chat_samples().end()) {
      const bool data_only =
          row.cell(column_of(GetParam().provider)) == "data: URLs";
      expect(row, refusal_of(
                      data_only ? with_image({.url = "data:image/png;base64," +
                                                     base::base64_encode(kPng)})
                                : chat->second));
    } else {
      expect(row, refusal_of(embedding_samples().at(row.feature)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Remote, Features,
                         ::testing::ValuesIn(test::wire_scripts()),
                         [](const auto& script) {
                           std::string name = script.param.provider;
                           std::erase_if(name, [](char c) { return c == '-'; });
                           return name;
                         });

}  // namespace
}  // namespace abstractllm::providers
