// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/structured.h"

#include <gtest/gtest.h>

#include "abstractllm/error.h"
#include "session/json_extraction.h"
#include "support/scripted_provider.h"

namespace abstractllm {
namespace {

using test::Script;
using test::ScriptedProvider;

class Structured : public ::testing::Test {
 protected:
  static Request ask(std::string schema) {
    Request request;
    request.messages = {Message::user("Who?")};
    request.response_format = {ResponseFormat::Kind::kJsonSchema,
                               std::move(schema)};
    return request;
  }
  static Request ask_person() {
    return ask(R"({"type":"object","properties":{"age":{"type":"integer"}},)"
               R"("required":["age"]})");
  }
  ScriptedProvider model;
};

TEST_F(Structured, TheSchemaIsToldAndTheAnswerValidated) {
  model.enqueue("Sure:\n```json\n{\"age\": 7}\n```\nAnything else?");
  Request request = ask_person();
  request.system_prompt = "Be brief.";
  const StructuredResponse result = generate_structured(model, request);
  EXPECT_EQ(result.json, R"({"age": 7})");
  EXPECT_EQ(result.attempts, 1);
  const Request sent = model.requests()[0];
  EXPECT_TRUE(sent.system_prompt->starts_with("Be brief.\n\n"));
  EXPECT_NE(sent.system_prompt->find(R"("required":["age"])"),
            std::string::npos);
  EXPECT_EQ(sent.response_format, ResponseFormat{});
}

TEST_F(Structured, TheProvidersOwnWayIsUsedWhereItHasOne) {
  Capabilities can = model.capabilities();
  can.supported.insert(ModelCapability::kStructuredOutput);
  model.set_capabilities(can);
  model.enqueue(R"({"age": "seven"})");
  model.enqueue(R"({"age": 7})");
  const Request request = ask_person();
  EXPECT_EQ(generate_structured(model, request).attempts, 2);
  EXPECT_EQ(model.requests()[0].response_format, request.response_format);
  EXPECT_EQ(model.requests()[0].system_prompt, std::nullopt);
}

TEST_F(Structured, AFormatThatTheProviderRefusesIsToldInWords) {
  Capabilities can = model.capabilities();
  can.supported.insert(ModelCapability::kStructuredOutput);
  model.set_capabilities(can);
  InvalidRequestError bad_schema("Invalid schema for response_format");
  bad_schema.set_service({.http_status = 400});
  for (const Error& refusal :
       {Error(UnsupportedFeatureError("JSON without a schema")),
        Error(bad_schema)}) {
    model.enqueue(Script().fail(refusal));
    model.enqueue(R"({"age": 7})");
    const std::size_t before = model.requests().size();
    const StructuredResponse result = generate_structured(model, ask_person());
    EXPECT_EQ(result.json, R"({"age": 7})");
    EXPECT_EQ(result.attempts, 1);
    EXPECT_EQ(model.requests()[before + 1].response_format, ResponseFormat{});
    EXPECT_TRUE(model.requests()[before + 1].system_prompt);
  }
  // What is not about the format is told once more, or at once.
  model.enqueue(Script().fail(bad_schema));
  model.enqueue(Script().fail(bad_schema));
  EXPECT_THROW(generate_structured(model, ask_person()), InvalidRequestError);
  model.enqueue(Script().fail(InvalidRequestError("no service said so")));
  EXPECT_THROW(generate_structured(model, ask_person()), InvalidRequestError);
  EXPECT_EQ(model.requests().size(), 7u);
}

TEST_F(Structured, WhatIsWrongGoesBackToTheModel) {
  model.enqueue("I do not know.");
  model.enqueue(R"({"age": "seven"})");
  model.enqueue(R"({"age": 7})");
  const StructuredResponse result = generate_structured(model, ask_person());
  EXPECT_EQ(result.attempts, 3);
  EXPECT_EQ(result.usage.completion_tokens, 3);
  const auto messages = model.requests()[2].messages;
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_NE(messages[2].text().find("no JSON"), std::string::npos);
  EXPECT_EQ(messages[3], Message::assistant(R"({"age": "seven"})"));
  EXPECT_NE(messages[4].text().find("at /age: "), std::string::npos);
  // The schema is still told.
  EXPECT_TRUE(model.requests()[2].system_prompt);
}

TEST_F(Structured, AfterTheLastTryItIsAnError) {
  for (int i = 0; i < 4; ++i) model.enqueue("no");
  try {
    generate_structured(model, ask_person());
    FAIL();
  } catch (const GenerationError& error) {
    EXPECT_NE(error.message().find("none of 4 answers"), std::string::npos);
  }
  EXPECT_EQ(model.requests().size(), 4u);
  model.enqueue("no");
  EXPECT_THROW(generate_structured(model, ask_person(), {.max_retries = 0}),
               GenerationError);
}

// Acceptance case A22: truncation raises the token limit and tries again; a
// list may be the root; enums hold.
TEST_F(Structured, A22TruncationRaisesTheTokenLimit) {
  model.enqueue(Script().text("{\"age\":").finish(FinishReason::kLength));
  model.enqueue(R"({"age": 7})");
  Request request = ask_person();
  request.parameters.max_tokens = 10;
  EXPECT_EQ(generate_structured(model, request).attempts, 2);
  EXPECT_EQ(model.requests()[1].parameters.max_tokens, 20);
  EXPECT_EQ(model.requests()[1].messages.size(), 1u);

  model.enqueue(Script().text("{").finish(FinishReason::kLength));
  EXPECT_THROW(generate_structured(model, ask_person()), GenerationError);
}

TEST_F(Structured, A22AListMayBeTheRootAndEnumsHold) {
  const Request request =
      ask(R"({"type":"array","items":{"enum":["red","green"]},"minItems":1})");
  model.enqueue("[\"blue\"]");
  model.enqueue("The colours are [\"red\", \"green\"].");
  EXPECT_EQ(generate_structured(model, request).json, R"(["red", "green"])");
}

TEST_F(Structured, ACancelAndABadRequestAreErrors) {
  Request cancelled = ask_person();
  cancelled.cancel.cancel();
  model.enqueue("{}");
  EXPECT_THROW(generate_structured(model, cancelled), CancelledError);
  EXPECT_THROW(generate_structured(model, ask("{")), InvalidRequestError);
  Request text = ask_person();
  text.response_format = {};
  EXPECT_THROW(generate_structured(model, text), InvalidRequestError);
  Request empty = ask_person();
  empty.messages.clear();
  EXPECT_THROW(generate_structured(model, empty), InvalidRequestError);
}

TEST_F(Structured, ASystemMessageIsKept) {
  Request request = ask_person();
  request.messages.insert(request.messages.begin(),
                          Message::system("Be kind."));
  model.enqueue(R"({"age": 7})");
  generate_structured(model, request);
  EXPECT_EQ(model.requests()[0].system_prompt, std::nullopt);
  EXPECT_TRUE(
      model.requests()[0].messages[0].text().starts_with("Be kind.\n\n"));
}

TEST(JsonExtraction, FindsTheValue) {
  using session::extract_json;
  const std::pair<const char*, const char*> cases[] = {
      {" {\"a\": [1, {}]} ", "{\"a\": [1, {}]}"},
      {"7", "7"},
      {"\"text\"", "\"text\""},
      {"so: {\"a\": \"}\\\"{\"} ok", "{\"a\": \"}\\\"{\"}"},
      {"[see] this [1, 2]", "[1, 2]"},
      {"```\n{\"draft\": 1}\n```\nbetter:\n```json\n{\"a\": 2}\n```",
       "{\"a\": 2}"},
      {"```json\n[1]", "[1]"},
      {"a {b} {\"c\": {\"d\": 1}}", "{\"c\": {\"d\": 1}}"}};
  for (const auto& [text, json] : cases) {
    EXPECT_EQ(extract_json(text), json) << text;
  }
  for (const char* none : {"", "no", "{", "{\"a\":", "[1, 2", "{a: 1}"}) {
    EXPECT_EQ(extract_json(none), std::nullopt) << none;
  }
  EXPECT_EQ(extract_json(std::string(5000, '[')), std::nullopt);
}

}  // namespace
}  // namespace abstractllm
