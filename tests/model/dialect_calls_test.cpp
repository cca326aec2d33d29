// Calls that must come, in dialects of which no tiny model has a template.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model/changed_model.h"

namespace abstractllm {
namespace {

struct Dialect {
  const char* name;
  const char* call;    // of the history, in the template's words
  const char* prompt;  // what an answer begins behind
};

class OnDialects : public testing::TestWithParam<Dialect> {};

Request required() {
  Request request;
  request.messages = {Message::user("Add 1 and 2")};
  request.tools = {
      {"add", "Adds.",
       R"({"type":"object","properties":{"a":{"type":"integer","maximum":99}},)"
       R"("required":["a"]})"},
      {"now", "The time.", R"({"type":"object","properties":{}})"}};
  request.tool_choice = ToolChoice{ToolChoice::Mode::kRequired};
  request.parallel_tool_calls = true;
  request.parameters.max_tokens = 200;
  return request;
}

TEST_P(OnDialects, ACallThatIsRequiredComes) {
  test::ChangedModel model("text/llama3");
  model.write("chat_template.jinja",
              std::string("{% for tool in tools or [] %}{{ tool | tojson }}"
                          "{% endfor %}{% for m in messages %}{{ m.content }}"
                          "{% for c in m.tool_calls or [] %}{{ c.function.name "
                          "}}{{ '") +
                  GetParam().call +
                  "' }}{% endfor %}{% endfor %}"
                  "{% if add_generation_prompt %}{{ '" +
                  GetParam().prompt + "' }}{% endif %}");
  const auto llm = model.open();
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    Request request = required();
    request.parameters.seed = seed;
    const GenerateResponse response = llm->generate(request);
    ASSERT_FALSE(response.tool_calls.empty()) << response.content;
    EXPECT_EQ(response.content, "");
    EXPECT_EQ(response.finish_reason, FinishReason::kToolCalls);
    for (const ToolCall& call : response.tool_calls) {
      EXPECT_TRUE(call.name == "add" || call.name == "now") << call.name;
      EXPECT_EQ(nlohmann::json::parse(call.arguments).contains("a"),
                call.name == "add");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Templates, OnDialects,
    testing::Values(
        Dialect{"functionary", ">>>all\\n", ">>>"},
        Dialect{"gigachat", "function call' ~ 'function call' ~ '<|role_sep|>",
                "assistant<|role_sep|>"},
        Dialect{"hunyuan", "<arg_key:opensource>", "<think:opensource>"},
        Dialect{"kimi_channels", "<|open|>call<|sep|>", "<|open|>think<|sep|>"},
        Dialect{"minicpm", "<function name=\"f\"><param name=\"", ""},
        Dialect{"minimax_elements", "]<]minimax[>[", ""},
        Dialect{"muse", "<atem:function_calls>", "<|start|>assistant"},
        Dialect{"solar", "<|tool_call:begin|>", "<|begin|>assistant"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace abstractllm
