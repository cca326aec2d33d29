// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "providers/wire/anthropic_messages.h"
#include "wire_testing.h"

namespace abstractllm::providers {
namespace {

using ::testing::HasSubstr;

// Named events, as the service sends them.
std::string stream_of(const std::vector<std::string>& data) {
  std::string stream;
  for (const std::string& each : data) {
    stream += "event: " + TestJson::parse(each)["type"].get<std::string>() +
              "\ndata: " + each + "\n\n";
  }
  return stream;
}

const std::string kStart =
    R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude","stop_reason":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":20,"output_tokens":1}}})";
const std::string kStop = R"({"type":"message_stop"})";

std::string delta(const std::string& reason,
                  const std::string& stop_sequence = "null") {
  return R"({"type":"message_delta","delta":{"stop_reason":")" + reason +
         R"(","stop_sequence":)" + stop_sequence +
         R"(},"usage":{"output_tokens":42}})";
}

TEST(AnthropicRequest, WritesTheWholeConversation) {
  const TestJson body = body_of(*anthropic_dialect(), full_request(), "claude");
  EXPECT_EQ(body["model"], "claude");
  EXPECT_EQ(body["max_tokens"], kAnthropicMaxTokens);
  EXPECT_EQ(body["system"], "Be brief.");
  EXPECT_EQ(body["stream"], true);
  const TestJson& messages = body["messages"];
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0]["content"][1].dump(),
            R"({"type":"image","source":{"type":"base64","media_type":)"
            R"("image/png","data":"iVBORw0KGgp4"}})");
  // Thoughts of another service are not sent.
  EXPECT_EQ(messages[1]["content"].size(), 3U);
  EXPECT_EQ(messages[1]["content"][1].dump(),
            R"({"type":"tool_use","id":"c1","name":"look",)"
            R"("input":{"at":"it"}})");
  // Both results and what the user adds, in one message.
  EXPECT_EQ(messages[2]["role"], "user");
  ASSERT_EQ(messages[2]["content"].size(), 3U);
  EXPECT_EQ(messages[2]["content"][0].dump(),
            R"({"type":"tool_result","tool_use_id":"c1","content":"a cat"})");
  EXPECT_EQ(messages[2]["content"][1]["is_error"], true);
  EXPECT_EQ(messages[2]["content"][2]["text"], "And?");
  EXPECT_EQ(body["tools"][0]["input_schema"].dump(),
            R"({"type":"object","properties":{}})");
  EXPECT_EQ(body["tools"][1]["input_schema"]["type"], "object");
}

TEST(AnthropicRequest, WritesChoicesFormatsAndEffort) {
  Request request = full_request();
  const auto choice = [&](ToolChoice choice) {
    request.tool_choice = choice;
    return body_of(*anthropic_dialect(), request)["tool_choice"].dump();
  };
  using Mode = ToolChoice::Mode;
  EXPECT_EQ(choice({Mode::kAuto}), R"({"type":"auto"})");
  EXPECT_EQ(choice({Mode::kNone}), R"({"type":"none"})");
  EXPECT_EQ(choice({Mode::kNamed, "look"}), R"({"type":"tool","name":"look"})");
  request.parallel_tool_calls = false;
  EXPECT_EQ(choice({Mode::kRequired}),
            R"({"type":"any","disable_parallel_tool_use":true})");
  request.response_format = {ResponseFormat::Kind::kJsonSchema,
                             R"({"type":"object"})", "thing"};
  request.reasoning_effort = ReasoningEffort::kLow;
  const TestJson body = body_of(*anthropic_dialect(), request);
  EXPECT_EQ(body["output_config"].dump(),
            R"({"format":{"type":"json_schema","schema":{"type":"object"}},)"
            R"("effort":"low"})");
  EXPECT_EQ(body["thinking"].dump(),
            R"({"type":"adaptive","display":"summarized"})");
  request.response_format = {ResponseFormat::Kind::kJsonObject};
  EXPECT_THROW(body_of(*anthropic_dialect(), request), UnsupportedFeatureError);
}

TEST(AnthropicRequest, OlderModelsAreGivenTokensToThinkWith) {
  Request request;
  request.messages = {Message::user("a")};
  request.reasoning_effort = ReasoningEffort::kMedium;
  for (const char* model :
       {"claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514",
        "claude-opus-4-1-20250805", "claude-haiku-4-5", "claude-3.7-sonnet",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}) {
    const TestJson body = body_of(*anthropic_dialect(), request, model);
    EXPECT_EQ(body["thinking"].dump(),
              R"({"type":"enabled","budget_tokens":4096})")
        << model;
    EXPECT_EQ(body["max_tokens"], 8192);
    EXPECT_FALSE(body.contains("output_config"));
  }
  for (const char* model : {"claude-opus-4-6", "claude-sonnet-4-7-20260301",
                            "claude-opus-5", "claude-next", "m"}) {
    EXPECT_EQ(body_of(*anthropic_dialect(), request, model)["thinking"]["type"],
              "adaptive")
        << model;
  }
  request.reasoning_effort = ReasoningEffort::kHigh;
  request.parameters.max_tokens = 1025;
  const TestJson small =
      body_of(*anthropic_dialect(), request, "claude-haiku-4-5");
  EXPECT_EQ(small["thinking"]["budget_tokens"], 1024);
  EXPECT_EQ(small["max_tokens"], 1025);
  request.parameters.max_tokens = 1024;
  EXPECT_THROW(body_of(*anthropic_dialect(), request, "claude-haiku-4-5"),
               InvalidParameterError);
}

TEST(AnthropicRequest, TakesWhatOtherProvidersLeftInTheHistory) {
  Request request;
  request.messages = {
      {Role::kUser,
       {ImagePart{.url = "data:image/png;base64,iVBORw0KGgp4",
                  .detail = "high"}}},
      {Role::kAssistant, {ToolCall{"c", "f", "not json"}}},
      {Role::kTool, {ToolResult{"c", "f", "bad arguments", true}}}};
  const TestJson messages = body_of(*anthropic_dialect(), request)["messages"];
  EXPECT_EQ(messages[0]["content"][0]["source"].dump(),
            R"({"type":"base64","media_type":"image/png",)"
            R"("data":"iVBORw0KGgp4"})");
  EXPECT_EQ(messages[1]["content"][0]["input"].dump(),
            R"({"_raw":"not json"})");
  // New ones are refused with what to do.
  request.messages = {
      {Role::kUser, {ImagePart{.bytes = "\xFF\xD8\xFF", .detail = "high"}}}};
  EXPECT_THROW(body_of(*anthropic_dialect(), request), UnsupportedFeatureError);
  request.messages = {{Role::kUser, {ImagePart{.url = "data:image/png,x"}}}};
  EXPECT_THROW(body_of(*anthropic_dialect(), request), ImageProcessingError);
}

TEST(AnthropicRequest, PassesImageUrls) {
  Request request;
  request.messages = {
      {Role::kUser, {ImagePart{.url = "https://a.example/x.png"}}}};
  EXPECT_EQ(body_of(*anthropic_dialect(),
                    request)["messages"][0]["content"][0]["source"]
                .dump(),
            R"({"type":"url","url":"https://a.example/x.png"})");
}

TEST(AnthropicRequest, RefusesATemperatureAboveOne) {
  Request request;
  request.messages = {Message::user("a")};
  request.parameters.temperature = 1.5;
  EXPECT_THROW(body_of(*anthropic_dialect(), request), InvalidParameterError);
  request.parameters.temperature = 1;
  EXPECT_EQ(body_of(*anthropic_dialect(), request)["temperature"], 1.0);
}

TEST(AnthropicAnswer, CollectsTextAndUsage) {
  const Outcome outcome = read_every_split(
      *anthropic_dialect(),
      stream_of(
          {kStart,
           R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
           R"({"type":"ping"})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}})",
           R"({"type":"content_block_stop","index":0})",
           delta("stop_sequence", "\"##\""), kStop}));
  EXPECT_EQ(outcome.text, "Hello");
  ASSERT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.finished->reason, FinishReason::kStop);
  EXPECT_EQ(outcome.finished->stop_text, "##");
  EXPECT_EQ(outcome.finished->usage.prompt_tokens, 35);
  EXPECT_EQ(outcome.finished->usage.cached_tokens, 20);
  EXPECT_EQ(outcome.finished->usage.completion_tokens, 42);
}

TEST(AnthropicAnswer, CollectsParallelCallsFromTheirPieces) {
  const Outcome outcome = read_every_split(
      *anthropic_dialect(),
      stream_of(
          {kStart,
           R"({"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t1","name":"add","input":{}}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"x\""}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":": 1}"}})",
           R"({"type":"content_block_stop","index":0})",
           R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t2","name":"now","input":{}}})",
           R"({"type":"content_block_stop","index":1})", delta("tool_use"),
           kStop}));
  EXPECT_EQ(outcome.calls, (std::vector<ToolCall>{{"t1", "add", "{\"x\": 1}"},
                                                  {"t2", "now", "{}"}}));
  EXPECT_EQ(outcome.finished->reason, FinishReason::kToolCalls);
}

TEST(AnthropicAnswer, ThinkingGoesBackAsItCame) {
  const Outcome outcome = read_every_split(
      *anthropic_dialect(),
      stream_of(
          {kStart,
           R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let "}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"me"}})",
           R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}})",
           R"({"type":"content_block_stop","index":0})",
           R"({"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"xyz"}})",
           R"({"type":"content_block_stop","index":1})",
           R"({"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}})",
           R"({"type":"content_block_stop","index":2})", delta("tool_use"),
           kStop}));
  EXPECT_EQ(outcome.reasoning, "Let me");
  Request next;
  next.messages = {
      Message::user("a"),
      {Role::kAssistant,
       {ReasoningPart{outcome.reasoning, outcome.replay}, outcome.calls[0]}},
      {Role::kTool, {ToolResult{"t1", "f", "1"}}}};
  const TestJson body = body_of(*anthropic_dialect(), next);
  EXPECT_EQ(body["messages"][1]["content"].dump(),
            R"([{"type":"thinking","thinking":"Let me","signature":"sig"},)"
            R"({"type":"redacted_thinking","data":"xyz"},)"
            R"({"type":"tool_use","id":"t1","name":"f","input":{}}])");
}

TEST(AnthropicAnswer, EndsForTheLengthAndForARefusal) {
  EXPECT_EQ(read_stream(*anthropic_dialect(),
                        stream_of({kStart, delta("max_tokens"), kStop}))
                .finished->reason,
            FinishReason::kLength);
  EXPECT_EQ(read_stream(*anthropic_dialect(),
                        stream_of({kStart, delta("refusal"), kStop}))
                .error->code(),
            ErrorCode::kContentFilter);
}

TEST(AnthropicAnswer, AnErrorWithinTheStreamIsTheServicesError) {
  const auto error_of = [](const std::string& type) {
    return *read_stream(
                *anthropic_dialect(),
                stream_of({kStart, R"({"type":"error","error":{"type":")" +
                                       type + R"(","message":"Overloaded"}})"}))
                .error;
  };
  const Error overloaded = error_of("overloaded_error");
  EXPECT_EQ(overloaded.code(), ErrorCode::kProviderApi);
  EXPECT_TRUE(overloaded.service().transient);
  EXPECT_EQ(overloaded.service().http_status, 529);
  EXPECT_THAT(overloaded.message(), HasSubstr("Overloaded"));
  EXPECT_EQ(error_of("rate_limit_error").code(), ErrorCode::kQuotaExceeded);
  EXPECT_FALSE(error_of("invalid_request_error").service().transient);
}

TEST(AnthropicAnswer, TakesAWholeAnswerFromAServerThatDoesNotStream) {
  const Outcome outcome = read_every_split(
      *anthropic_dialect(),
      R"({"type":"message","role":"assistant","content":[)"
      R"({"type":"thinking","thinking":"hm","signature":"s"},)"
      R"({"type":"text","text":"Hé"},)"
      R"({"type":"tool_use","id":"t","name":"f","input":{"a":1}}],)"
      R"("stop_reason":"tool_use","stop_sequence":null,)"
      R"("usage":{"input_tokens":3,"output_tokens":4}})");
  EXPECT_EQ(outcome.text, "Hé");
  EXPECT_EQ(outcome.reasoning, "hm");
  EXPECT_THAT(outcome.replay, testing::HasSubstr("\"signature\":\"s\""));
  ASSERT_EQ(outcome.calls.size(), 1U);
  EXPECT_EQ(outcome.calls[0].arguments, R"({"a":1})");
  ASSERT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.finished->reason, FinishReason::kToolCalls);
  EXPECT_EQ(outcome.finished->usage.prompt_tokens, 3);
  const Outcome failed = read_stream(
      *anthropic_dialect(),
      R"({"type":"error","error":{"type":"overloaded_error","message":"x"}})");
  ASSERT_TRUE(failed.error);
  EXPECT_TRUE(failed.error->service().transient);
  for (const char* odd : {"{}", R"({"type":"message"})", "{"}) {
    EXPECT_TRUE(read_stream(*anthropic_dialect(), odd).error) << odd;
  }
}

TEST(AnthropicAnswer, AStreamThatEndsEarlyIsAnError) {
  for (const std::string& cut :
       {stream_of({kStart}), stream_of({kStart, delta("end_turn")}),
        stream_of({kStart, kStop}), std::string()}) {
    const Outcome outcome = read_stream(*anthropic_dialect(), cut);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code(), ErrorCode::kProviderConnection);
  }
}

TEST(AnthropicAnswer, PassesOverEventsThatItDoesNotKnow) {
  const Outcome outcome = read_stream(
      *anthropic_dialect(),
      stream_of(
          {kStart, R"({"type":"content_block_future","index":"x"})",
           R"({"type":"content_block_stop","index":9})",
           R"({"type":"content_block_delta","index":3,"delta":{"type":"new_delta"}})",
           delta("end_turn"), kStop}));
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.finished->reason, FinishReason::kStop);
}

}  // namespace
}  // namespace abstractllm::providers
