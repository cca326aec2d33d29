// Tools and images in one conversation.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model/changed_model.h"

namespace abstractllm {
namespace {

using test::fixture;

// Qwen3-VL with experts, whose template tells tools the way Qwen's do.
class ToolModel : public test::ChangedModel {
 public:
  ToolModel() : ChangedModel("vision/qwen3_vl_moe") {
    write("chat_template.jinja",
          "{% if tools %}<|im_start|>system\n<tools>{% for tool in tools %}"
          "{{ tool | tojson }}{% endfor %}</tools><tool_call></tool_call>"
          "<|im_end|>\n{% endif %}" +
              read("chat_template.jinja"));
  }
};

Request look_up(std::vector<Message> messages) {
  Request request;
  request.messages = std::move(messages);
  request.tools = {{"look_up", "Finds what is shown.",
                    R"({"type":"object","properties":{"what":{"enum":)"
                    R"(["disc","line"]}},"required":["what"],)"
                    R"("additionalProperties":false})"}};
  request.parameters.temperature = 0;
  request.parameters.max_tokens = 80;
  return request;
}

Message shown(const char* name, const char* words) {
  return {.role = Role::kUser,
          .parts = {ImagePart{.path = (fixture("images") / name).string()},
                    TextPart{words}}};
}

TEST(ToolsWithImages, ACallThatMustComeDoesWithAnImage) {
  const auto llm = ToolModel().open();
  Request request = look_up({shown("small.png", "What is it?")});
  request.tool_choice = ToolChoice{ToolChoice::Mode::kRequired};
  const GenerateResponse response = llm->generate(request);
  ASSERT_EQ(response.tool_calls.size(), 1u);
  EXPECT_EQ(response.tool_calls[0].name, "look_up");
  const auto arguments =
      nlohmann::json::parse(response.tool_calls[0].arguments);
  EXPECT_TRUE(arguments.at("what") == "disc" || arguments.at("what") == "line");
  EXPECT_EQ(response.finish_reason, FinishReason::kToolCalls);
}

TEST(ToolsWithImages, TheImageIsStillSeenBehindTheResult) {
  const ToolModel model;
  const auto llm = model.open();
  const auto answer = [&](const char* name) {
    Request request = look_up(
        {shown(name, "What is it?"),
         {Role::kAssistant, {ToolCall{"c1", "look_up", R"({"what":"disc"})"}}},
         {Role::kTool, {ToolResult{"c1", "look_up", "A red disc."}}}});
    request.tool_choice = ToolChoice{ToolChoice::Mode::kNone};
    request.parameters.logprobs = true;
    return llm->generate(request);
  };
  const GenerateResponse first = answer("large.png");
  const GenerateResponse other = answer("tall.png");
  EXPECT_NE(first.logprobs.at(0).logprob, other.logprobs.at(0).logprob);
  const GenerateResponse again = answer("large.png");
  EXPECT_EQ(again.token_ids, first.token_ids);
  EXPECT_GT(again.usage.cached_tokens, 0);
}

}  // namespace
}  // namespace abstractllm
