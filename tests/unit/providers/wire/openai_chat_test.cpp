// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/openai_chat.h"

#include <gmock/gmock.h>

#include "wire_testing.h"

namespace abstractllm::providers {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::unique_ptr<Dialect> openai() { return openai_chat_dialect({}); }

std::unique_ptr<Dialect> compatible() {
  return openai_chat_dialect({.column = ParameterColumn::kOpenAICompatible,
                              .reasoning_field = "reasoning_content",
                              .takes_raw_prompt = true});
}

TEST(OpenAIChatRequest, WritesTheWholeConversation) {
  const TestJson body = body_of(*openai(), full_request(), "gpt");
  EXPECT_EQ(body["model"], "gpt");
  EXPECT_EQ(body["stream"], true);
  EXPECT_EQ(body["stream_options"]["include_usage"], true);
  const TestJson& messages = body["messages"];
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_EQ(messages[0].dump(), R"({"role":"system","content":"Be brief."})");
  EXPECT_EQ(messages[1]["content"][0]["text"], "What is it?");
  EXPECT_EQ(messages[1]["content"][1]["type"], "image_url");
  EXPECT_EQ(messages[1]["content"][1]["image_url"]["url"],
            "data:image/png;base64,iVBORw0KGgp4");
  EXPECT_EQ(messages[2]["content"], "Let me look.");
  EXPECT_FALSE(messages[2].contains("reasoning_content"));
  EXPECT_EQ(messages[2]["tool_calls"][0].dump(),
            R"({"id":"c1","type":"function","function":{"name":"look",)"
            R"("arguments":"{\"at\":\"it\"}"}})");
  EXPECT_EQ(messages[2]["tool_calls"].size(), 2U);
  EXPECT_EQ(messages[3].dump(),
            R"({"role":"tool","tool_call_id":"c1","content":"a cat"})");
  EXPECT_EQ(messages[4]["tool_call_id"], "c2");
  EXPECT_EQ(messages[5].dump(), R"({"role":"user","content":"And?"})");
  EXPECT_EQ(body["tools"][0].dump(),
            R"({"type":"function","function":{"name":"look","description":)"
            R"("Looks.","parameters":{"type":"object","properties":{}}}})");
  EXPECT_FALSE(body.contains("tool_choice"));
}

TEST(OpenAIChatRequest, AnAssistantThatOnlyCallsHasNullContent) {
  Request request;
  request.messages = {Message::user("a"),
                      {Role::kAssistant, {ToolCall{"c", "f", ""}}}};
  const TestJson body = body_of(*openai(), request);
  EXPECT_TRUE(body["messages"][1]["content"].is_null());
}

TEST(OpenAIChatRequest, SendsReasoningBackWhereItIsWanted) {
  const TestJson body = body_of(*compatible(), full_request());
  EXPECT_EQ(body["messages"][2]["reasoning_content"], "hm");
}

TEST(OpenAIChatRequest, PassesImageUrlsAndTheirDetail) {
  Request request;
  request.messages = {
      {Role::kUser,
       {ImagePart{.url = "https://a.example/x.png", .detail = "low"}}}};
  const TestJson body = body_of(*openai(), request);
  EXPECT_EQ(body["messages"][0]["content"][0]["image_url"].dump(),
            R"({"url":"https://a.example/x.png","detail":"low"})");
}

TEST(OpenAIChatRequest, WritesToolChoices) {
  Request request = full_request();
  const auto choice = [&](ToolChoice choice) {
    request.tool_choice = choice;
    return body_of(*openai(), request)["tool_choice"].dump();
  };
  using Mode = ToolChoice::Mode;
  EXPECT_EQ(choice({Mode::kAuto}), "\"auto\"");
  EXPECT_EQ(choice({Mode::kNone}), "\"none\"");
  EXPECT_EQ(choice({Mode::kRequired}), "\"required\"");
  EXPECT_EQ(choice({Mode::kNamed, "look"}),
            R"({"type":"function","function":{"name":"look"}})");
  request.parallel_tool_calls = false;
  EXPECT_EQ(body_of(*openai(), request)["parallel_tool_calls"], false);
}

TEST(OpenAIChatRequest, WritesResponseFormatsAndEffort) {
  Request request;
  request.messages = {Message::user("a")};
  request.response_format.kind = ResponseFormat::Kind::kJsonObject;
  EXPECT_EQ(body_of(*openai(), request)["response_format"].dump(),
            R"({"type":"json_object"})");
  request.response_format = {ResponseFormat::Kind::kJsonSchema,
                             R"({"type":"object"})", "thing"};
  EXPECT_EQ(body_of(*openai(), request)["response_format"].dump(),
            R"({"type":"json_schema","json_schema":{"name":"thing",)"
            R"("schema":{"type":"object"},"strict":false}})");
  request.reasoning_effort = ReasoningEffort::kHigh;
  EXPECT_EQ(body_of(*openai(), request)["reasoning_effort"], "high");
  request.reasoning_effort = ReasoningEffort::kOff;
  EXPECT_EQ(body_of(*openai(), request)["reasoning_effort"], "none");
}

TEST(OpenAIChatRequest, ContinuesAPromptWhereTheServiceCan) {
  Request request;
  request.prompt = "Once";
  request.parameters.logprobs = true;
  request.parameters.top_logprobs = 2;
  const auto dialect = compatible();
  const WireRequest wire = dialect->write({request, "m", request.parameters});
  EXPECT_EQ(wire.path, "/completions");
  const TestJson body = TestJson::parse(wire.body);
  EXPECT_EQ(body["prompt"], "Once");
  EXPECT_EQ(body["logprobs"], 2);
  EXPECT_FALSE(body.contains("messages"));
  EXPECT_THROW(openai()->write({request, "m", {}}), UnsupportedFeatureError);
}

TEST(OpenAIChatRequest, RefusesWhatCannotBeAsked) {
  const auto refused = [](auto change) {
    Request request;
    request.messages = {Message::user("a")};
    change(request);
    try {
      openai()->write({request, "m", request.parameters});
    } catch (const Error& error) {
      EXPECT_EQ(error.provider(), "openai");
      EXPECT_THAT(error.message(), StartsWith("[openai] "));
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  using enum ErrorCode;
  EXPECT_EQ(refused([](Request& r) { r.messages.clear(); }), kInvalidRequest);
  EXPECT_EQ(refused([](Request& r) { r.prompt = "x"; }), kInvalidRequest);
  EXPECT_EQ(refused([](Request& r) {
              r.system_prompt = "s";
              r.messages.insert(r.messages.begin(), Message::system("t"));
            }),
            kInvalidRequest);
  EXPECT_EQ(refused([](Request& r) {
              r.messages.clear();
              r.prompt_token_ids = {{1}};
            }),
            kUnsupportedFeature);
  EXPECT_EQ(refused([](Request& r) { r.template_variables = R"({"a":1})"; }),
            kUnsupportedFeature);
  EXPECT_EQ(refused([](Request& r) { r.tool_choice = ToolChoice{}; }),
            kInvalidRequest);
  EXPECT_EQ(refused([](Request& r) {
              r.tools = {{"f", "", "{}"}};
              r.tool_choice = ToolChoice{ToolChoice::Mode::kNamed, "g"};
            }),
            kInvalidRequest);
  EXPECT_EQ(refused([](Request& r) {
              r.tools = {{"f", "", "[]"}};
            }),
            kInvalidRequest);
  EXPECT_EQ(refused([](Request& r) {
              r.messages[0].parts = {ImagePart{.bytes = "no image"}};
            }),
            kImageProcessing);
  EXPECT_EQ(refused([](Request& r) { r.messages[0].parts = {ImagePart{}}; }),
            kInvalidRequest);
  EXPECT_EQ(refused([](Request& r) {
              r.messages[0].parts = {ImagePart{.url = "file:///etc/passwd"}};
            }),
            kInvalidRequest);
}

const char kUsageChunk[] =
    R"({"id":"x","choices":[],"usage":{"prompt_tokens":12,)"
    R"("completion_tokens":7,"total_tokens":19,)"
    R"("prompt_tokens_details":{"cached_tokens":8},)"
    R"("completion_tokens_details":{"reasoning_tokens":3}}})";

TEST(OpenAIChatAnswer, CollectsTextReasoningAndUsage) {
  const Outcome outcome = read_every_split(
      *openai(),
      sse({R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})",
           R"({"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]})",
           R"({"choices":[{"index":0,"delta":{"content":"Caf\u00e9 "}}]})",
           R"({"choices":[{"index":0,"delta":{"content":"au lait"}}]})",
           R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
           kUsageChunk, "[DONE]"}));
  EXPECT_EQ(outcome.text, "Caf\xC3\xA9 au lait");
  EXPECT_EQ(outcome.reasoning, "hm");
  ASSERT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.finished->reason, FinishReason::kStop);
  EXPECT_EQ(outcome.finished->usage.prompt_tokens, 12);
  EXPECT_EQ(outcome.finished->usage.cached_tokens, 8);
  EXPECT_EQ(outcome.finished->usage.completion_tokens, 7);
  EXPECT_EQ(outcome.finished->usage.reasoning_tokens, 3);
}

// Servers run their templates over them.
TEST(OpenAIChatRequest, ArgumentsOfTheHistoryAreObjects) {
  const auto sent = [](const std::string& arguments) {
    Request request;
    request.messages = {{Role::kAssistant, {ToolCall{"c", "f", arguments}}},
                        {Role::kTool, {ToolResult{"c", "f", "r"}}}};
    return body_of(
               *openai(),
               request)["messages"][0]["tool_calls"][0]["function"]["arguments"]
        .get<std::string>();
  };
  EXPECT_EQ(sent("{ \"a\": 1 }"), "{ \"a\": 1 }");
  EXPECT_EQ(sent(""), "{}");
  EXPECT_EQ(sent("not json"), R"({"_raw":"not json"})");
}

TEST(OpenAIChatRequest, AnObjectIsAskedForByItsSchemaWhereItMustBe) {
  Request request;
  request.messages = {Message::user("a")};
  request.response_format.kind = ResponseFormat::Kind::kJsonObject;
  EXPECT_EQ(body_of(*openai_chat_dialect({.takes_json_object = false}),
                    request)["response_format"]
                .dump(),
            R"({"type":"json_schema","json_schema":{"name":"answer",)"
            R"("schema":{"type":"object"}}})");
}

TEST(OpenAIChatAnswer, CollectsParallelCallsFromTheirPieces) {
  const Outcome outcome = read_every_split(
      *openai(),
      sse({R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"add","arguments":""}}]}}]})",
           R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}}]})",
           R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]})",
           R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"now","arguments":""}}]}}]})",
           R"({"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]})",
           "[DONE]"}));
  EXPECT_EQ(outcome.calls, (std::vector<ToolCall>{{"a", "add", "{\"x\":1}"},
                                                  {"b", "now", "{}"}}));
  EXPECT_EQ(outcome.finished->reason, FinishReason::kToolCalls);
}

TEST(OpenAIChatAnswer, PiecesOfParallelCallsMayAlternate) {
  const auto piece = [](int index, const std::string& rest) {
    return R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":)" +
           std::to_string(index) + "," + rest + "}]}}]}";
  };
  const Outcome outcome = read_every_split(
      *openai(),
      sse({piece(0, R"("id":"a","function":{"name":"f","arguments":"{\"c"})"),
           piece(1, R"("id":"b","function":{"name":"g","arguments":"{\"d"})"),
           piece(0, R"("function":{"arguments":"\":1}"})"),
           piece(1, R"("id":"b","function":{"arguments":"\":2}"})"),
           R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})",
           "[DONE]"}));
  EXPECT_EQ(outcome.calls, (std::vector<ToolCall>{{"a", "f", "{\"c\":1}"},
                                                  {"b", "g", "{\"d\":2}"}}));
}

TEST(OpenAIChatAnswer, TakesWholeCallsUnderOneNumberAndWithoutIds) {
  const Outcome outcome = read_stream(
      *openai(),
      sse({R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}}]})",
           R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":{"y":2}}}]}}]})",
           R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"name":"h","arguments":"{}"}}]},"finish_reason":"stop"}]})",
           "[DONE]"}));
  ASSERT_EQ(outcome.calls.size(), 3U);
  EXPECT_EQ(outcome.calls[1], (ToolCall{"b", "g", "{\"y\":2}"}));
  EXPECT_THAT(outcome.calls[2].id, StartsWith("call_"));
  EXPECT_EQ(outcome.calls[2].id.size(), 13U);
  EXPECT_EQ(outcome.finished->reason, FinishReason::kToolCalls);
}

TEST(OpenAIChatAnswer, LeavesOutACallThatTheLengthCutOff) {
  const Outcome outcome = read_stream(
      *openai(),
      sse({R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]},"finish_reason":"length"}]})",
           "[DONE]"}));
  EXPECT_TRUE(outcome.calls.empty());
  EXPECT_EQ(outcome.finished->reason, FinishReason::kLength);
}

TEST(OpenAIChatAnswer, ReadsLogprobsWithTheirBytes) {
  const Outcome outcome = read_stream(
      *openai(),
      sse({R"({"choices":[{"index":0,"delta":{"content":"A"},"logprobs":{"content":[{"token":"A","bytes":[195],"logprob":-0.5,"top_logprobs":[{"token":"B","bytes":null,"logprob":-1.5}]}]},"finish_reason":"stop"}]})",
           "[DONE]"}));
  ASSERT_EQ(outcome.logprobs.size(), 1U);
  EXPECT_EQ(outcome.logprobs[0].bytes, "\xC3");
  EXPECT_EQ(outcome.logprobs[0].token_id, -1);
  EXPECT_EQ(outcome.logprobs[0].logprob, -0.5);
  EXPECT_EQ(outcome.logprobs[0].top[0].bytes, "B");
}

TEST(OpenAIChatAnswer, NeedsNoLastMarkerButAReason) {
  const std::string text =
      R"({"choices":[{"index":0,"delta":{"content":"a"}}]})";
  const std::string end =
      R"({"choices":[{"index":0,"delta":{},"finish_reason":"length"}]})";
  EXPECT_EQ(read_stream(*openai(), sse({text, end})).finished->reason,
            FinishReason::kLength);
  for (const std::string& cut : {sse({text}), sse({text, "[DONE]"}),
                                 std::string(), sse({text}) + "data: " + end}) {
    const Outcome outcome = read_stream(*openai(), cut);
    ASSERT_TRUE(outcome.error) << cut;
    EXPECT_EQ(outcome.error->code(), ErrorCode::kProviderConnection);
    EXPECT_TRUE(outcome.error->service().transient);
    EXPECT_EQ(outcome.terminal_events, 0);
  }
}

TEST(OpenAIChatAnswer, TakesAWholeAnswerFromAServerThatDoesNotStream) {
  const Outcome outcome = read_every_split(
      *openai(),
      R"({"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})");
  EXPECT_EQ(outcome.text, "Hi");
  EXPECT_EQ(outcome.finished->usage.completion_tokens, 2);
}

TEST(OpenAIChatAnswer, AnErrorWithinTheStreamIsTheServicesError) {
  const std::string text =
      R"({"choices":[{"index":0,"delta":{"content":"a"}}]})";
  const auto code_of = [&](const std::string& error) {
    const Outcome outcome = read_stream(*openai(), sse({text, error}));
    EXPECT_EQ(outcome.text, "a");
    return outcome.error->code();
  };
  using enum ErrorCode;
  EXPECT_EQ(code_of(R"({"error":{"message":"m","type":"server_error"}})"),
            kProviderApi);
  EXPECT_EQ(code_of(R"({"error":{"message":"m","code":429}})"), kQuotaExceeded);
  EXPECT_EQ(
      code_of(
          R"({"error":{"message":"m","code":"context_length_exceeded","type":"invalid_request_error"}})"),
      kContextWindowExceeded);
  EXPECT_EQ(
      code_of(
          R"({"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]})"),
      kContentFilter);
}

TEST(OpenAIChatAnswer, MalformedJsonIsAnApiErrorWithoutTheText) {
  const Outcome outcome =
      read_stream(*openai(), sse({R"({"choices":[{"secret prompt)"}));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kProviderApi);
  EXPECT_THAT(outcome.error->message(), ::testing::Not(HasSubstr("secret")));
}

TEST(OpenAIChatAnswer, SurvivesEveryUnexpectedShape) {
  for (const char* odd :
       {"null", "[]", "1", "\"x\"", "{}", R"({"choices":null})",
        R"({"choices":[null,1,[]]})", R"({"choices":[{"delta":[]}]})",
        R"({"choices":[{"index":0,"delta":{"content":5,"tool_calls":{}}}]})",
        R"({"choices":[{"index":0,"delta":{"tool_calls":[null]}}]})",
        R"({"usage":[]})", R"({"choices":[{"index":"a","logprobs":7}]})"}) {
    const Outcome outcome = read_stream(*openai(), sse({odd}));
    EXPECT_EQ(outcome.text, "") << odd;
    EXPECT_TRUE(outcome.error) << odd;
  }
}

TEST(OpenAIChatAnswer, TakesAHugeEvent) {
  const std::string text(5 << 20, 'x');
  const Outcome outcome = read_stream(
      *openai(), sse({R"({"choices":[{"index":0,"delta":{"content":")" + text +
                          R"("},"finish_reason":"stop"}]})",
                      "[DONE]"}));
  EXPECT_EQ(outcome.text.size(), text.size());
}

}  // namespace
}  // namespace abstractllm::providers
