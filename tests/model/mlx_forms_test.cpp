// Answers of local models that have a form: JSON, calls, reasoning.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <thread>

#include "abstractllm/error.h"
#include "model/tiny_model.h"
#include "text/json_schema.h"

namespace abstractllm {
namespace {

using nlohmann::json;
using test::fixture;
using test::open_fixture;
using testing::HasSubstr;

constexpr char kPerson[] = R"({
  "type": "object",
  "properties": {
    "name": {"type": "string"},
    "age": {"type": "integer", "minimum": 0, "maximum": 150},
    "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    "address": {"$ref": "#/$defs/address"}
  },
  "required": ["name", "age", "address"],
  "$defs": {"address": {
    "type": "object",
    "properties": {"street": {"type": "string"},
                   "number": {"type": ["integer", "null"]}},
    "required": ["street"]}}
})";

Request shaped(std::string schema, std::uint64_t seed, int max_tokens) {
  Request request;
  request.prompt_token_ids = {{5, 6, 7}};
  request.response_format = {ResponseFormat::Kind::kJsonSchema,
                             std::move(schema)};
  request.parameters.temperature = 1.5;
  request.parameters.seed = seed;
  request.parameters.max_tokens = max_tokens;
  return request;
}

void expect_fits(const std::string& schema, const GenerateResponse& response) {
  EXPECT_EQ(text::join_violations(
                text::JsonSchema(schema).violations(response.content)),
            "")
      << response.content;
  EXPECT_EQ(response.finish_reason, FinishReason::kStop) << response.content;
}

// The weights are random: what comes out is nonsense, and JSON all the same.
class AnySchema : public testing::TestWithParam<std::string> {};

TEST_P(AnySchema, IsFollowedWhateverTheModelWouldSay) {
  const auto llm = open_fixture("text/llama3");
  for (const int max_tokens : {120, 300}) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      expect_fits(GetParam(),
                  llm->generate(shaped(GetParam(), seed, max_tokens)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Schemas, AnySchema,
    testing::Values(
        kPerson, R"({"type":"object"})", R"({"type":"string","maxLength":9})",
        R"({"enum":["yes","no","é"]})",
        R"({"type":"array","items":{"type":"number"},"minItems":2})",
        R"({"oneOf":[{"type":"boolean"},{"type":"null"}]})",
        R"({"type":"object","properties":{"a":{"type":"string"}}})",
        R"({"type":"object","additionalProperties":{"type":"integer"}})"));

TEST(MLXForms, AJsonObjectIsOne) {
  const auto llm = open_fixture("text/qwen3");
  Request request;
  request.messages = {Message::user("Hi")};
  request.response_format.kind = ResponseFormat::Kind::kJsonObject;
  request.parameters.seed = 3;
  request.parameters.max_tokens = 60;
  EXPECT_TRUE(json::parse(llm->generate(request).content).is_object());
}

TEST(MLXForms, RowsOfABatchHaveEachTheirOwn) {
  const auto llm = open_fixture("text/llama3");
  const std::string schemas[]{R"({"enum":["yes","no"]})",
                              R"({"type":"integer","maximum":99})", kPerson};
  std::vector<std::thread> threads;
  std::vector<GenerateResponse> responses(6);
  for (std::size_t i = 0; i < responses.size(); ++i) {
    threads.emplace_back([&, i] {
      responses[i] = llm->generate(shaped(schemas[i % 3], i, 200));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < responses.size(); ++i) {
    expect_fits(schemas[i % 3], responses[i]);
    EXPECT_EQ(responses[i].content,
              llm->generate(shaped(schemas[i % 3], i, 200)).content);
  }
}

TEST(MLXForms, GenerateStructuredNeedsOneTry) {
  const auto llm = open_fixture("text/llama3");
  Request request = shaped(kPerson, 5, 200);
  request.prompt_token_ids.reset();
  request.messages = {Message::user("Who?")};
  const StructuredResponse response = generate_structured(*llm, request);
  EXPECT_EQ(response.attempts, 1);
  EXPECT_TRUE(json::parse(response.json).contains("address"));
}

TEST(MLXForms, IgnoredEndTokensDoNotGoPastTheForm) {
  const auto llm = open_fixture("text/llama3");
  Request request = shaped(R"({"enum":["yes"]})", 1, 50);
  request.parameters.ignore_eos = true;
  request.parameters.min_tokens = 40;
  EXPECT_EQ(llm->generate(request).content, "\"yes\"");
}

Request formed(ResponseFormat format, std::uint64_t seed) {
  Request request = shaped("", seed, 60);
  request.response_format = std::move(format);
  return request;
}

class AnyPattern : public testing::TestWithParam<std::string> {};

TEST_P(AnyPattern, IsMatchedAsAWhole) {
  const auto llm = open_fixture("text/llama3");
  const std::regex whole(GetParam());
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const GenerateResponse response = llm->generate(formed(
        {.kind = ResponseFormat::Kind::kRegex, .pattern = GetParam()}, seed));
    EXPECT_TRUE(std::regex_match(response.content, whole)) << response.content;
    EXPECT_EQ(response.finish_reason, FinishReason::kStop) << response.content;
  }
}

INSTANTIATE_TEST_SUITE_P(Patterns, AnyPattern,
                         testing::Values("(yes|no)", "[0-9]{4}-[0-9]{2}",
                                         "[a-z]+(/[a-z]+)*", "[ab]*"));

constexpr char kSum[] = R"lark(start: "(" sum ")"
sum: NUMBER (("+" | "-") NUMBER)*
NUMBER: /[0-9]{1,3}/
)lark";

TEST(MLXForms, AGrammarIsFollowed) {
  const auto llm = open_fixture("text/llama3");
  const std::regex whole("\\([0-9]{1,3}([+-][0-9]{1,3})*\\)");
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const GenerateResponse response = llm->generate(formed(
        {.kind = ResponseFormat::Kind::kGrammar, .grammar = kSum}, seed));
    if (response.finish_reason == FinishReason::kLength) continue;
    EXPECT_TRUE(std::regex_match(response.content, whole)) << response.content;
  }
}

TEST(MLXForms, CallsAndAnotherFormGoTogether) {
  const auto llm = open_fixture("text/llama3");
  for (const ResponseFormat& format :
       {ResponseFormat{.kind = ResponseFormat::Kind::kRegex,
       .pattern = "a/b|c\\/d"},
        ResponseFormat{.kind = ResponseFormat::Kind::kGrammar,
        .grammar = "start: \"a/b\" | \"c/d\""}}) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      Request request = formed(format, seed);
      request.prompt_token_ids.reset();
      request.messages = {Message::user("Hi")};
      request.tools = {{"now", "The time.", R"({"type":"object"})"}};
      const GenerateResponse response = llm->generate(request);
      if (response.has_tool_calls() ||
          response.finish_reason == FinishReason::kLength) {
        continue;
      }
      EXPECT_THAT(response.content, testing::AnyOf("a/b", "c/d"));
    }
  }
}

TEST(MLXForms, WhatIsNoPatternAndNoGrammarIsSaidToBeNone) {
  const auto llm = open_fixture("text/llama3");
  const auto message_of = [&](ResponseFormat format) {
    try {
      llm->generate(formed(std::move(format), 1));
    } catch (const InvalidRequestError& error) {
      return error.message();
    }
    return std::string("(none)");
  };
  using Kind = ResponseFormat::Kind;
  EXPECT_THAT(message_of({.kind = Kind::kRegex, .pattern = "(a"}),
              HasSubstr("the regular expression cannot be followed"));
  EXPECT_THAT(message_of({.kind = Kind::kRegex}), HasSubstr("empty"));
  EXPECT_THAT(message_of({.kind = Kind::kGrammar, .grammar = "start: x"}),
              HasSubstr("the grammar cannot be followed"));
  EXPECT_THAT(message_of({.kind = Kind::kGrammar}), HasSubstr("empty"));
}

Request with_tools(ToolChoice choice) {
  Request request;
  request.messages = {Message::user("Add 1 and 2")};
  request.tools = {
      {"add", "Adds.",
       R"({"type":"object","properties":{"a":{"type":"integer","maximum":99},)"
       R"("b":{"type":"integer","maximum":99}},"required":["a","b"]})"},
      {"now", "The time.", R"({"type":"object","properties":{}})"}};
  request.tool_choice = std::move(choice);
  request.parameters.seed = 11;
  request.parameters.max_tokens = 120;
  return request;
}

class OnEachTemplate : public testing::TestWithParam<std::string> {};

TEST_P(OnEachTemplate, ACallThatIsRequiredComes) {
  const auto llm = open_fixture(GetParam());
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    Request request = with_tools({ToolChoice::Mode::kRequired});
    request.parameters.seed = seed;
    const GenerateResponse response = llm->generate(request);
    ASSERT_EQ(response.tool_calls.size(), 1U) << response.content;
    EXPECT_EQ(response.content, "");
    EXPECT_EQ(response.finish_reason, FinishReason::kToolCalls);
    EXPECT_THAT(response.tool_calls[0].id, HasSubstr("call_"));
    if (response.tool_calls[0].name == "add") {
      EXPECT_TRUE(json::parse(response.tool_calls[0].arguments).contains("b"));
    } else {
      EXPECT_EQ(response.tool_calls[0].name, "now");
    }
  }
}

// Some are among the larger reference data alone.
std::vector<std::string> fixtures_with_templates() {
  std::vector<std::string> names{"text/llama3", "text/mistral",
                                 "gguf/qwen2-q8_0"};
  for (const char* name : {"text/gemma2", "text/phi4-mini"}) {
    if (std::filesystem::exists(fixture(name))) names.emplace_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, OnEachTemplate,
                         testing::ValuesIn(fixtures_with_templates()),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) {
                               c = '_';
                             }
                           }
                           return name;
                         });

TEST(MLXTools, ANamedOneIsCalled) {
  const auto llm = open_fixture("text/llama3");
  const GenerateResponse response =
      llm->generate(with_tools({ToolChoice::Mode::kNamed, "now"}));
  ASSERT_EQ(response.tool_calls.size(), 1U);
  EXPECT_EQ(response.tool_calls[0].name, "now");
  EXPECT_EQ(response.tool_calls[0].arguments, "{}");
}

// The form is of the answer that follows the results.
TEST(MLXTools, AFormGivesWayToACallThatMustCome) {
  const auto llm = open_fixture("text/llama3");
  Request request = with_tools({ToolChoice::Mode::kNamed, "now"});
  for (const ResponseFormat& format :
       {ResponseFormat{.kind = ResponseFormat::Kind::kJsonObject},
        ResponseFormat{.kind = ResponseFormat::Kind::kRegex,
        .pattern = "(yes|no)"}}) {
    request.response_format = format;
    const GenerateResponse called = llm->generate(request);
    ASSERT_EQ(called.tool_calls.size(), 1U) << called.content;
    EXPECT_EQ(called.content, "");
  }
  Request answer = request;
  answer.tool_choice = std::nullopt;
  answer.tools.clear();
  answer.messages.push_back({Role::kAssistant, {ToolCall{"c", "now", "{}"}}});
  answer.messages.push_back({Role::kTool, {ToolResult{"c", "now", "noon"}}});
  EXPECT_THAT(llm->generate(answer).content, testing::AnyOf("yes", "no"));
  request.response_format.pattern = "(";
  EXPECT_THROW(llm->generate(request), InvalidRequestError);
}

TEST(MLXTools, WithoutAChoiceTheyAreNotTold) {
  const auto llm = open_fixture("text/llama3");
  Request without;
  without.messages = {Message::user("Add 1 and 2")};
  EXPECT_EQ(llm->count_tokens(with_tools({ToolChoice::Mode::kNone})),
            llm->count_tokens(without));
  EXPECT_GT(llm->count_tokens(with_tools({})), llm->count_tokens(without));
}

TEST(MLXTools, CallsAndResultsOfTheHistoryReachThePrompt) {
  const auto llm = open_fixture("text/llama3");
  Request request = with_tools({});
  const int before = llm->count_tokens(request);
  request.messages.push_back(
      {Role::kAssistant, {ToolCall{"c1", "add", R"({"a":1,"b":2})"}}});
  request.messages.push_back(
      {Role::kTool, {ToolResult{"c1", "add", "three", false}}});
  EXPECT_GT(llm->count_tokens(request), before + 8);
}

TEST(MLXTools, ChoicesThatCannotBe) {
  const auto llm = open_fixture("text/llama3");
  EXPECT_THROW(llm->generate(with_tools({ToolChoice::Mode::kNamed, "none"})),
               InvalidRequestError);
  Request no_tools = with_tools({ToolChoice::Mode::kRequired});
  no_tools.tools.clear();
  EXPECT_THROW(llm->generate(no_tools), InvalidRequestError);
  Request effort = with_tools({});
  effort.reasoning_effort = ReasoningEffort::kLow;
  EXPECT_THROW(llm->generate(effort), UnsupportedFeatureError);
  Request raw = with_tools({});
  raw.messages.clear();
  raw.prompt = "x";
  EXPECT_THROW(llm->generate(raw), UnsupportedFeatureError);
}

}  // namespace
}  // namespace abstractllm
