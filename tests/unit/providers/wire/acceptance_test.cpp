// Acceptance cases of AbstractLLM, as far as they are about what is sent.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cmath>

#include "providers/wire/anthropic_messages.h"
#include "providers/wire/ollama_chat.h"
#include "providers/wire/openai_chat.h"
#include "providers/wire/openai_responses.h"
#include "wire_testing.h"

namespace abstractllm::providers {
namespace {

Request question() {
  Request request;
  request.messages = {Message::user("a")};
  return request;
}

std::vector<std::unique_ptr<Dialect>> dialects() {
  std::vector<std::unique_ptr<Dialect>> list;
  list.push_back(openai_chat_dialect({}));
  list.push_back(openai_responses_dialect());
  list.push_back(anthropic_dialect());
  list.push_back(ollama_dialect());
  return list;
}

// The temperature that is sent; -1: none.
double sent_temperature(const Dialect& dialect, const Request& request) {
  const TestJson body = body_of(dialect, request);
  const TestJson& place =
      dialect.provider() == "ollama" && body.contains("options")
          ? body["options"]
          : body;
  return place.value("temperature", -1.0);
}

TEST(Acceptance, A2_TemperaturesAreSentDefaultedOrRefused) {
  for (const auto& dialect : dialects()) {
    SCOPED_TRACE(dialect->provider());
    Request request = question();
    EXPECT_EQ(sent_temperature(*dialect, request), -1);
    request.parameters =
        parse_generation_parameters(R"({"temperature": null})");
    EXPECT_EQ(sent_temperature(*dialect, request), -1);
    request.parameters.temperature = 0;
    EXPECT_EQ(sent_temperature(*dialect, request), 0);
    for (const double bad : {-1.0, 5.0, std::nan(""), HUGE_VAL}) {
      request.parameters.temperature = bad;
      EXPECT_THROW(body_of(*dialect, request), InvalidParameterError);
    }
    request.parameters.temperature = -1;
    request.parameters.clamp_parameters = true;
    EXPECT_EQ(sent_temperature(*dialect, request), 0.01);
  }
  EXPECT_THROW(parse_generation_parameters(R"({"temperature": "warm"})"),
               InvalidParameterError);
}

TEST(Acceptance, A18_ThinkingIsMappedForEachServiceOrRefused) {
  struct Row {
    std::optional<ReasoningEffort> effort;
    const char* chat;
    const char* responses;
    const char* anthropic;
    const char* ollama;
  };
  using enum ReasoningEffort;
  for (const Row& row :
       {Row{std::nullopt, "null", "null", "null", "null"},
        Row{kOff, "\"none\"", R"({"effort":"none"})", R"({"type":"disabled"})",
            "false"},
        Row{kLow, "\"low\"", R"({"effort":"low","summary":"auto"})",
            R"({"type":"adaptive","display":"summarized"})", "\"low\""},
        Row{kMedium, "\"medium\"", R"({"effort":"medium","summary":"auto"})",
            R"({"type":"adaptive","display":"summarized"})", "\"medium\""},
        Row{kHigh, "\"high\"", R"({"effort":"high","summary":"auto"})",
            R"({"type":"adaptive","display":"summarized"})", "\"high\""}}) {
    Request request = question();
    request.reasoning_effort = row.effort;
    const auto sent = [&](const Dialect& dialect, const char* field) {
      const TestJson body = body_of(dialect, request);
      return body.contains(field) ? body[field].dump() : "null";
    };
    EXPECT_EQ(sent(*openai_chat_dialect({}), "reasoning_effort"), row.chat);
    EXPECT_EQ(sent(*openai_responses_dialect(), "reasoning"), row.responses);
    EXPECT_EQ(sent(*anthropic_dialect(), "thinking"), row.anthropic);
    EXPECT_EQ(sent(*ollama_dialect(), "think"), row.ollama);
  }
  Request request = question();
  request.reasoning_effort = kLow;
  EXPECT_THROW(body_of(*openai_chat_dialect({.takes_effort = false}), request),
               UnsupportedFeatureError);
}

TEST(Acceptance, A24_EveryNameOfTheTokenLimitIsTheSameLimit) {
  for (const char* name :
       {"max_tokens", "max_output_tokens", "max_completion_tokens"}) {
    Request request = question();
    request.parameters =
        parse_generation_parameters(std::string("{\"") + name + "\": 77}");
    EXPECT_EQ(
        body_of(*openai_chat_dialect({}), request)["max_completion_tokens"],
        77);
    EXPECT_EQ(
        body_of(*openai_responses_dialect(), request)["max_output_tokens"], 77);
    EXPECT_EQ(body_of(*anthropic_dialect(), request)["max_tokens"], 77);
    EXPECT_EQ(body_of(*ollama_dialect(), request)["options"]["num_predict"],
              77);
  }
  Request request = question();
  request.parameters.max_tokens = 0;
  for (const auto& dialect : dialects()) {
    EXPECT_THROW(body_of(*dialect, request), InvalidParameterError);
  }
}

}  // namespace
}  // namespace abstractllm::providers
