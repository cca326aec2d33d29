// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "providers/wire/ollama_chat.h"
#include "wire_testing.h"

namespace abstractllm::providers {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string lines(const std::vector<std::string>& list) {
  std::string stream;
  for (const std::string& each : list) stream += each + "\n";
  return stream;
}

const std::string kDone =
    R"({"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":5000000000,"load_duration":500000000,"prompt_eval_count":26,"prompt_eval_duration":130000000,"eval_count":259,"eval_duration":4000000000})";

TEST(OllamaRequest, WritesTheWholeConversation) {
  const TestJson body = body_of(*ollama_dialect(), full_request(), "llama");
  EXPECT_EQ(body["model"], "llama");
  EXPECT_EQ(body["stream"], true);
  const TestJson& messages = body["messages"];
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_EQ(messages[0].dump(), R"({"role":"system","content":"Be brief."})");
  EXPECT_EQ(messages[1].dump(), R"({"role":"user","content":"What is it?",)"
                                R"("images":["iVBORw0KGgp4"]})");
  EXPECT_EQ(messages[2]["thinking"], "hm");
  EXPECT_EQ(messages[2]["tool_calls"][0].dump(),
            R"({"function":{"name":"look","arguments":{"at":"it"}}})");
  EXPECT_EQ(messages[3].dump(),
            R"({"role":"tool","content":"a cat","tool_name":"look"})");
  EXPECT_EQ(body["tools"].size(), 2U);
}

TEST(OllamaRequest, FindsTheNameOfAResultByItsCall) {
  Request request;
  request.messages = {Message::user("a"),
                      {Role::kAssistant, {ToolCall{"c9", "look", "{}"}}},
                      {Role::kTool, {ToolResult{"c9", "", "x"}}}};
  EXPECT_EQ(body_of(*ollama_dialect(), request)["messages"][2]["tool_name"],
            "look");
}

TEST(OllamaRequest, WritesFormatsThinkingAndRawPrompts) {
  Request request;
  request.messages = {Message::user("a")};
  request.response_format.kind = ResponseFormat::Kind::kJsonObject;
  request.reasoning_effort = ReasoningEffort::kOff;
  TestJson body = body_of(*ollama_dialect(), request);
  EXPECT_EQ(body["format"], "json");
  EXPECT_EQ(body["think"], false);
  request.response_format = {ResponseFormat::Kind::kJsonSchema,
                             R"({"type":"object"})"};
  request.reasoning_effort = ReasoningEffort::kLow;
  body = body_of(*ollama_dialect(), request);
  EXPECT_EQ(body["format"].dump(), R"({"type":"object"})");
  EXPECT_EQ(body["think"], "low");
  EXPECT_FALSE(body.contains("options"));
  body = TestJson::parse(
      ollama_dialect()->write({request, "m", {.top_k = 3}, 8192}).body);
  EXPECT_EQ(body["options"].dump(), R"({"top_k":3,"num_ctx":8192})");
  Request raw;
  raw.prompt = "Once";
  const WireRequest wire = ollama_dialect()->write({raw, "m", {}});
  EXPECT_EQ(wire.path, "/api/generate");
  EXPECT_EQ(wire.body,
            R"({"model":"m","stream":true,"prompt":"Once","raw":true})");
}

TEST(OllamaRequest, TakesWhatOtherProvidersLeftInTheHistory) {
  Request request;
  request.messages = {
      {Role::kUser,
       {ImagePart{.url = "data:image/png;base64,iVBORw0KGgp4",
                  .detail = "low"}}},
      {Role::kAssistant, {ToolCall{"c", "f", "[1]"}}},
      {Role::kTool, {ToolResult{"c", "f", "bad arguments", true}}}};
  const TestJson messages = body_of(*ollama_dialect(), request)["messages"];
  EXPECT_EQ(messages[0]["images"].dump(), R"(["iVBORw0KGgp4"])");
  EXPECT_EQ(messages[1]["tool_calls"][0]["function"]["arguments"].dump(),
            R"({"_raw":"[1]"})");
}

TEST(OllamaRequest, RefusesWhatTheServiceHasNot) {
  Request request = full_request();
  request.tool_choice = ToolChoice{ToolChoice::Mode::kRequired};
  EXPECT_THROW(body_of(*ollama_dialect(), request), UnsupportedFeatureError);
  request.tool_choice = ToolChoice{ToolChoice::Mode::kNone};
  EXPECT_FALSE(body_of(*ollama_dialect(), request).contains("tools"));
  Request url;
  url.messages = {{Role::kUser, {ImagePart{.url = "https://a.example/x"}}}};
  EXPECT_THROW(body_of(*ollama_dialect(), url), UnsupportedFeatureError);
}

TEST(OllamaAnswer, CollectsTextThinkingAndTimings) {
  const Outcome outcome = read_every_split(
      *ollama_dialect(),
      lines(
          {R"({"model":"m","message":{"role":"assistant","content":"","thinking":"hm"},"done":false})",
           R"({"model":"m","message":{"role":"assistant","content":"Hel"},"done":false})",
           R"({"model":"m","message":{"role":"assistant","content":"lo"},"done":false})",
           kDone}));
  EXPECT_EQ(outcome.text, "Hello");
  EXPECT_EQ(outcome.reasoning, "hm");
  ASSERT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.finished->reason, FinishReason::kStop);
  EXPECT_EQ(outcome.finished->usage.prompt_tokens, 26);
  EXPECT_EQ(outcome.finished->usage.completion_tokens, 259);
  EXPECT_DOUBLE_EQ(outcome.finished->timings.decode_seconds, 4);
  EXPECT_DOUBLE_EQ(outcome.finished->timings.prefill_seconds, 0.13);
}

TEST(OllamaAnswer, ReadsTheAnswersOfGenerateAndLogprobs) {
  const Outcome outcome = read_stream(
      *ollama_dialect(),
      lines(
          {R"({"response":"a","done":false,"logprobs":[{"token":"a","logprob":-0.25}]})",
           R"({"response":"","done":true,"done_reason":"length"})"}));
  EXPECT_EQ(outcome.text, "a");
  EXPECT_EQ(outcome.logprobs.at(0).logprob, -0.25);
  EXPECT_EQ(outcome.finished->reason, FinishReason::kLength);
}

TEST(OllamaAnswer, GivesCallsAnId) {
  const Outcome outcome = read_stream(
      *ollama_dialect(),
      lines(
          {R"({"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},{"id":"i","function":{"name":"g","arguments":{}}}]},"done":false})",
           kDone}));
  ASSERT_EQ(outcome.calls.size(), 2U);
  EXPECT_THAT(outcome.calls[0].id, StartsWith("call_"));
  EXPECT_EQ(outcome.calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(outcome.calls[1].id, "i");
  EXPECT_EQ(outcome.finished->reason, FinishReason::kToolCalls);
}

TEST(OllamaAnswer, FaultsAreTypedErrors) {
  const std::string text = R"({"message":{"content":"a"},"done":false})";
  const auto code_of = [&](const std::string& rest) {
    return read_stream(*ollama_dialect(), text + "\n" + rest).error->code();
  };
  EXPECT_EQ(code_of(R"({"error":"model runner stopped"})"),
            ErrorCode::kProviderApi);
  EXPECT_EQ(code_of(""), ErrorCode::kProviderConnection);
  EXPECT_EQ(code_of(R"({"message":{"cont)"), ErrorCode::kProviderConnection);
  EXPECT_EQ(code_of("<html>\n"), ErrorCode::kProviderApi);
}

TEST(OllamaShow, IsADescription) {
  const ModelDescription description = read_ollama_model(
      R"({"details":{"family":"llama","format":"gguf","parameter_size":"135M","quantization_level":"Q4_1"},"model_info":{"llama.context_length":8192},"capabilities":["completion","tools"]})");
  const ModelDescription expected{
      {"architecture", "llama"},  {"format", "gguf"},
      {"parameters", "135M"},     {"quantization", "Q4_1"},
      {"context_length", "8192"}, {"capabilities", "completion, tools"}};
  EXPECT_EQ(description, expected);
}

}  // namespace
}  // namespace abstractllm::providers
