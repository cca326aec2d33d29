// SPDX-License-Identifier: Apache-2.0
#include "providers/wire/openai_responses.h"

#include <gmock/gmock.h>

#include "wire_testing.h"

namespace abstractllm::providers {
namespace {

TEST(ResponsesRequest, WritesTheWholeConversationAsItems) {
  const TestJson body =
      body_of(*openai_responses_dialect(), full_request(), "gpt");
  EXPECT_EQ(body["instructions"], "Be brief.");
  EXPECT_EQ(body["store"], false);
  EXPECT_EQ(body["include"].dump(), R"(["reasoning.encrypted_content"])");
  const TestJson& input = body["input"];
  ASSERT_EQ(input.size(), 7U);
  EXPECT_EQ(input[0]["content"][1].dump(),
            R"({"type":"input_image","image_url":)"
            R"("data:image/png;base64,iVBORw0KGgp4"})");
  EXPECT_EQ(input[1].dump(),
            R"({"type":"message","role":"assistant","content":)"
            R"([{"type":"output_text","text":"Let me look."}]})");
  EXPECT_EQ(input[2].dump(),
            R"({"type":"function_call","call_id":"c1","name":"look",)"
            R"("arguments":"{\"at\":\"it\"}"})");
  EXPECT_EQ(input[4].dump(), R"({"type":"function_call_output","call_id":"c1",)"
                             R"("output":"a cat"})");
  EXPECT_EQ(input[6]["content"][0]["text"], "And?");
  EXPECT_EQ(body["tools"][0].dump(),
            R"({"type":"function","name":"look","description":"Looks.",)"
            R"("parameters":{"type":"object","properties":{}},)"
            R"("strict":false})");
}

TEST(ResponsesRequest, WritesChoicesFormatsEffortAndLogprobs) {
  Request request = full_request();
  request.tool_choice = ToolChoice{ToolChoice::Mode::kNamed, "look"};
  request.parallel_tool_calls = true;
  request.response_format = {ResponseFormat::Kind::kJsonSchema,
                             R"({"type":"object"})", "thing"};
  request.reasoning_effort = ReasoningEffort::kMedium;
  request.parameters.logprobs = true;
  request.parameters.top_logprobs = 3;
  const TestJson body = body_of(*openai_responses_dialect(), request);
  EXPECT_EQ(body["tool_choice"].dump(), R"({"type":"function","name":"look"})");
  EXPECT_EQ(body["parallel_tool_calls"], true);
  EXPECT_EQ(body["text"]["format"].dump(),
            R"({"type":"json_schema","name":"thing","schema":)"
            R"({"type":"object"},"strict":false})");
  EXPECT_EQ(body["reasoning"].dump(),
            R"({"effort":"medium","summary":"auto"})");
  EXPECT_EQ(body["include"][1], "message.output_text.logprobs");
  EXPECT_EQ(body["top_logprobs"], 3);
}

std::string ending(const std::string& type, const std::string& more = "") {
  return R"({"type":"response.)" + type +
         R"(","response":{"id":"r","status":")" + type + "\"" + more +
         R"(,"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":2}}}})";
}

TEST(ResponsesRequest, AsksForReasoningWhereAModelMayHaveIt) {
  Request request;
  request.messages = {Message::user("a")};
  const auto asks = [&](const std::string& model) {
    return body_of(*openai_responses_dialect(), request, model)
        .contains("include");
  };
  for (const char* model : {"o1", "o3-mini", "o4-mini", "gpt-5",
                            "gpt-5.1-codex", "gpt-6", "ft:o4-mini:me::1"}) {
    EXPECT_TRUE(asks(model)) << model;
  }
  for (const char* model :
       {"gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "chatgpt-4o-latest",
        "gpt-3.5-turbo", "ft:gpt-4o:me::1"}) {
    EXPECT_FALSE(asks(model)) << model;
  }
  const auto dialect = openai_responses_dialect();
  InvalidRequestError refusal(
      "Encrypted content is not supported with this model.");
  refusal.set_service({.http_status = 400});
  const auto other = dialect->other_way({request, "new", {}}, refusal);
  ASSERT_TRUE(other);
  EXPECT_FALSE(TestJson::parse(other->body).contains("include"));
  EXPECT_FALSE(dialect->other_way({request, "gpt-4o", {}}, refusal));
  InvalidRequestError another("something else");
  another.set_service({.http_status = 400});
  EXPECT_FALSE(dialect->other_way({request, "new", {}}, another));
}

TEST(ResponsesAnswer, CollectsTextSummariesCallsAndUsage) {
  const Outcome outcome = read_every_split(
      *openai_responses_dialect(),
      sse({R"({"type":"response.created","response":{"id":"r"}})",
           R"({"type":"response.reasoning_summary_part.added","summary_index":0})",
           R"({"type":"response.reasoning_summary_text.delta","delta":"Look"})",
           R"({"type":"response.reasoning_summary_part.added","summary_index":1})",
           R"({"type":"response.reasoning_summary_text.delta","delta":"Think"})",
           R"({"type":"response.output_item.done","item":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"enc","status":"completed"}})",
           R"({"type":"response.output_text.delta","delta":"Hel","logprobs":[{"token":"Hel","logprob":-0.5}]})",
           R"({"type":"response.output_text.delta","delta":"lo","logprobs":[]})",
           R"({"type":"response.function_call_arguments.delta","delta":"{\"x\""})",
           R"({"type":"response.output_item.done","item":{"type":"function_call","id":"fc","call_id":"c1","name":"f","arguments":"{\"x\":1}"}})",
           R"({"type":"response.output_item.done","item":{"type":"function_call","id":"fd","call_id":"c2","name":"g","arguments":""}})",
           ending("completed")}));
  EXPECT_EQ(outcome.text, "Hello");
  EXPECT_EQ(outcome.reasoning, "Look\n\nThink");
  EXPECT_EQ(outcome.logprobs.size(), 1U);
  EXPECT_EQ(outcome.calls, (std::vector<ToolCall>{{"c1", "f", "{\"x\":1}"},
                                                  {"c2", "g", "{}"}}));
  ASSERT_TRUE(outcome.finished);
  EXPECT_EQ(outcome.finished->reason, FinishReason::kToolCalls);
  EXPECT_EQ(outcome.finished->usage.prompt_tokens, 9);
  EXPECT_EQ(outcome.finished->usage.cached_tokens, 4);
  EXPECT_EQ(outcome.finished->usage.reasoning_tokens, 2);

  Request next;
  next.messages = {Message::user("a"),
                   {Role::kAssistant,
                    {ReasoningPart{"", outcome.replay}, TextPart{"Hello"}}}};
  EXPECT_EQ(
      body_of(*openai_responses_dialect(), next)["input"][1].dump(),
      R"({"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"enc"})");
}

TEST(ResponsesAnswer, TakesAWholeAnswerFromAServerThatDoesNotStream) {
  const std::string response =
      R"({"object":"response","status":"completed","output":[)"
      R"({"type":"reasoning","id":"r","summary":[)"
      R"({"type":"summary_text","text":"hm"}]},)"
      R"({"type":"message","content":[{"type":"output_text","text":"Hé"}]},)"
      R"({"type":"function_call","call_id":"c","name":"f",)"
      R"("arguments":"{}"}],"usage":{"input_tokens":3,"output_tokens":4}})";
  // So does a stream that tells the output at its end alone.
  for (const std::string& body :
       {response, sse({R"({"type":"response.completed","response":)" +
                       response + "}"})}) {
    const Outcome outcome = read_every_split(*openai_responses_dialect(), body);
    EXPECT_EQ(outcome.text, "Hé");
    EXPECT_EQ(outcome.reasoning, "hm");
    EXPECT_NE(outcome.replay, "");
    ASSERT_EQ(outcome.calls.size(), 1U);
    ASSERT_TRUE(outcome.finished);
    EXPECT_EQ(outcome.finished->reason, FinishReason::kToolCalls);
    EXPECT_EQ(outcome.finished->usage.completion_tokens, 4);
  }
  for (const char* odd :
       {"{}", "{", R"({"object":"response","status":"queued"})",
        R"({"object":"response","status":"failed","error":{"message":"x"}})",
        R"({"error":{"message":"x"}})"}) {
    EXPECT_TRUE(read_stream(*openai_responses_dialect(), odd).error) << odd;
  }
}

TEST(ResponsesAnswer, EndsIncompleteFailedAndFiltered) {
  const auto read = [](const std::string& end) {
    return read_stream(*openai_responses_dialect(), sse({end}));
  };
  EXPECT_EQ(
      read(ending("incomplete",
                  R"(,"incomplete_details":{"reason":"max_output_tokens"})"))
          .finished->reason,
      FinishReason::kLength);
  EXPECT_EQ(read(ending("incomplete",
                        R"(,"incomplete_details":{"reason":"content_filter"})"))
                .error->code(),
            ErrorCode::kContentFilter);
  EXPECT_EQ(read(ending("failed",
                        R"(,"error":{"code":"server_error","message":"m"})"))
                .error->code(),
            ErrorCode::kProviderApi);
  EXPECT_EQ(
      read(R"({"type":"error","code":"rate_limit_exceeded","message":"m"})")
          .error->code(),
      ErrorCode::kQuotaExceeded);
  EXPECT_EQ(read(R"({"type":"response.created"})").error->code(),
            ErrorCode::kProviderConnection);
}

}  // namespace
}  // namespace abstractllm::providers
