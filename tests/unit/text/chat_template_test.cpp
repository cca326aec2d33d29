// What templates may do, and what stops them.
// SPDX-License-Identifier: Apache-2.0
#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "abstractllm/error.h"
#include "support/source_folder.h"
#include "unit/text/test_data.h"

namespace abstractllm::text {
namespace {

using testing::HasSubstr;

const std::filesystem::path kData =
    abstractllm::test::source_folder() / "tests/unit/text/data";

std::string render(const std::string& source, const std::string& variables) {
  ChatTemplateInput input;
  input.variables = variables;
  return ChatTemplate(source).render(input);
}

std::string refusal(const std::string& source,
                    const std::string& variables = "{}") {
  try {
    render(source, variables);
  } catch (const InvalidRequestError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(ChatTemplate, EvaluatesExpressionsAsJinja2) {
  const Json reference = read_json(kData / "jinja.json");
  Json variables = reference["context"];
  ChatTemplateInput input;
  input.messages = variables["messages"].dump();
  input.tools = variables["tools"].dump();
  variables.erase("messages");
  variables.erase("tools");
  input.variables = variables.dump();
  input.now = std::chrono::local_days(std::chrono::year(2026) / 1 / 2) +
              std::chrono::hours(3) + std::chrono::minutes(4) +
              std::chrono::seconds(5);
  for (const Json& expected : reference["cases"]) {
    const std::string source = expected["template"];
    SCOPED_TRACE(source);
    if (expected.contains("text")) {
      std::string text;
      EXPECT_NO_THROW(text = ChatTemplate(source).render(input));
      EXPECT_EQ(text, expected["text"]);
    } else {
      EXPECT_THROW(ChatTemplate(source).render(input), Error)
          << expected["refused"];
    }
  }
}

TEST(ChatTemplate, SaysWhatTheTemplateSays) {
  EXPECT_THAT(refusal("a\n{{ raise_exception('roles must ' ~ 'alternate') }}"),
              HasSubstr("refuses these messages: roles must alternate"));
  EXPECT_THAT(refusal("{% macro m() %}{{ raise_exception('x') }}{% endmacro %}"
                      "{% for a in [1] %}{{ m() }}{% endfor %}"),
              HasSubstr("refuses these messages: x"));
}

TEST(ChatTemplate, NamesTheLineOfAFailure) {
  EXPECT_THAT(refusal("a\nb\n{{ nothing.here }}"), HasSubstr("line 3: "));
  EXPECT_THAT(refusal("{% for x in\n none %}{% endfor %}"),
              HasSubstr("None is not iterable"));
  EXPECT_THAT(refusal("\n{{ 'x'.encode() }}"), HasSubstr("line 2: "));
}

TEST(ChatTemplate, RefusesASyntaxErrorAtConstruction) {
  for (const char* source :
       {"{% if %}", "a\n{{ (1 }}", "{% for x in %}{% endfor %}", "{{ 'x }}",
        "{% endif %}", "{% unknown %}", "{{ x | }}", "{% generation %}",
        "\xFF\xFE", "{% raw %}", "{{", "{%", "{#"}) {
    EXPECT_THROW(ChatTemplate{source}, ModelLoadingError) << source;
  }
  try {
    ChatTemplate("a\n\n{% if %}");
    FAIL();
  } catch (const ModelLoadingError& error) {
    EXPECT_THAT(error.what(), HasSubstr("line 3"));
  }
}

TEST(ChatTemplate, StopsTemplatesThatDoTooMuch) {
  for (const char* source :
       {"{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}"
        "{% endfor %}",
        "{% for a in range(10 ** 9) %}x{% endfor %}", "{{ 'x' * 10 ** 10 }}",
        "{{ ('x' * 10 ** 6) * 10 ** 6 }}", "{% set x = [1] * 10 ** 10 %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ ''.ljust(10 ** 12) }}", "{{ '{:1000000000}'.format(1) }}",
        "{{ '%1000000000d' % 1 }}", "{{ '%*d' % (10 ** 9, 1) }}",
        "{% set ns = namespace() %}{% set ns.a = [ns] %}{{ ns ~ 'x' }}",
        "{% set ns = namespace(l=[]) %}{% for a in range(99999) %}"
        "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l ~ 'x' }}",
        "{% set ns = namespace(l=[]) %}{% for a in range(99999) %}"
        "{% set ns.l = ns.l + [1] %}{% endfor %}",
        "{% set s = range(99999)|list %}{% for x in s %}{{ s.index(99998) }}"
        "{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for a in range(100) %}"
        "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% for a in range(90000) %}{{ messages|tojson }}{% endfor %}"}) {
    ChatTemplateInput input;
    input.messages = "[" + std::string(20'000, '1') + "]";
    EXPECT_THROW(ChatTemplate(source).render(input), InvalidRequestError)
        << source;
  }
  EXPECT_THAT(refusal("{% for a in range(99999) %}{% for b in range(99999) %}"
                      "x{% endfor %}{% endfor %}"),
              HasSubstr("more work"));
}

TEST(ChatTemplate, SurvivesDeepNesting) {
  const std::string deep(20'000, '(');
  EXPECT_THROW(ChatTemplate("{{ " + deep + " }}"), ModelLoadingError);
  std::string blocks;
  for (int i = 0; i < 5'000; ++i) blocks += "{% if true %}";
  EXPECT_THROW(ChatTemplate{blocks}, ModelLoadingError);
  std::string branches = "{% if x %}";
  for (int i = 0; i < 100'000; ++i) branches += "{% elif x %}";
  EXPECT_THROW(ChatTemplate(branches + "{% endif %}"), ModelLoadingError);
  std::string slices = "{{ x";
  for (int i = 0; i < 50'000; ++i) slices += "[0:]";
  EXPECT_THROW(ChatTemplate(slices + " }}"), ModelLoadingError);
  ChatTemplateInput input;
  input.messages = std::string(100'000, '[');
  EXPECT_THROW(ChatTemplate("x").render(input), InvalidRequestError);
  EXPECT_THROW(render("{% set ns = namespace(l=[]) %}"
                      "{% for a in range(1000) %}{% set ns.l = [ns.l] %}"
                      "{% endfor %}{{ ns.l }}",
                      "{}"),
               InvalidRequestError);
}

TEST(ChatTemplate, RefusesInputThatIsNotJson) {
  const ChatTemplate chat_template("{{ messages }}{{ tools }}");
  for (const auto& [messages, tools, variables] :
       {std::tuple("[", "[]", "{}"), std::tuple("[]", "nope", "{}"),
        std::tuple("[]", "[]", "[]"), std::tuple("\"\xFF\"", "[]", "{}"),
        std::tuple("[],[]", "[]", "{}")}) {
    ChatTemplateInput input;
    input.messages = messages;
    input.tools = tools;
    input.variables = variables;
    EXPECT_THROW(chat_template.render(input), InvalidRequestError);
  }
}

TEST(ChatTemplate, GivesVariablesInTheirOrder) {
  const ChatTemplate chat_template(
      "{{ bos_token }}{{ add_generation_prompt }}{{ tools is none }}{{ x }}",
      {{"bos_token", "<s>"}});
  ChatTemplateInput input;
  input.add_generation_prompt = false;
  input.variables = R"({"x": {"b": 1, "a": [2.0, null]}})";
  EXPECT_EQ(chat_template.render(input),
            "<s>FalseTrue{'b': 1, 'a': [2.0, None]}");
  input.variables = R"({"bos_token": "B"})";
  EXPECT_EQ(chat_template.render(input), "BFalseTrue");
}

TEST(ChatTemplate, FormatsWithStarsAndPercents) {
  EXPECT_EQ(render("{{ '**%s** 5%%' % 'x' }}{{ '*%d*'|format(3) }}", "{}"),
            "**x** 5%*3*");
}

TEST(ChatTemplate, RendersOnManyThreads) {
  const ChatTemplate chat_template(
      "{% for x in range(50) %}{{ x }},{% endfor %}");
  const std::string expected = chat_template.render({});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        EXPECT_EQ(chat_template.render({}), expected);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(MessagesToJson, WritesWhatTemplatesExpect) {
  EXPECT_EQ(messages_to_json({Message::system("s"), Message::user("ü")}),
            R"([{"role":"system","content":"s"},)"
            R"({"role":"user","content":"ü"}])");
  EXPECT_EQ(messages_to_json(
                {{Role::kUser,
                  {ImagePart{.path = "a.png", .bytes = "", .media_type = ""},
                   TextPart{"what?"}}}}),
            R"([{"role":"user","content":[{"type":"image"},)"
            R"({"type":"text","text":"what?"}]}])");
  EXPECT_EQ(messages_to_json(
                {{Role::kAssistant,
                  {ReasoningPart{"hm"}, ToolCall{"c1", "f", R"({"b":1,"a":2})"},
                   ToolCall{"", "g", ""}}},
                 {Role::kTool,
                  {ToolResult{"c1", "f", "3", false},
                   ToolResult{"", "", "", true}}}}),
            R"([{"role":"assistant","content":"","reasoning_content":"hm",)"
            R"("tool_calls":[{"id":"c1","type":"function","function":)"
            R"({"name":"f","arguments":{"b":1,"a":2}}},{"type":"function",)"
            R"("function":{"name":"g","arguments":{}}}]},)"
            R"({"role":"tool","name":"f","tool_call_id":"c1","content":"3"},)"
            R"({"role":"tool","content":""}])");
}

// The conversation goes on; the error that answered the call is in it.
TEST(MessagesToJson, ArgumentsThatAreNoObjectStayToBeSeen) {
  for (const auto& [arguments, shown] :
       {std::pair("{", R"({"_raw":"{"})"),
        std::pair("[1]", R"({"_raw":"[1]"})"),
        std::pair("\xFF", "{\"_raw\":\"\xEF\xBF\xBD\"}")}) {
    EXPECT_THAT(
        messages_to_json({{Role::kAssistant, {ToolCall{"", "f", arguments}}}}),
        HasSubstr(std::string("\"arguments\":") + shown));
  }
}

TEST(MessagesToJson, RefusesWhatIsNoJson) {
  EXPECT_THROW(messages_to_json({Message::user("\xFF")}), InvalidRequestError);
  EXPECT_THROW(tools_to_json({{"f", "d", "nope"}}), InvalidRequestError);
}

TEST(ToolsToJson, WritesFunctionsWithTheirSchemas) {
  EXPECT_EQ(tools_to_json({}), std::nullopt);
  EXPECT_EQ(tools_to_json({{"f", "does", R"({"type":"object","a":1})"}}),
            R"([{"type":"function","function":{"name":"f",)"
            R"("description":"does","parameters":{"type":"object","a":1}}}])");
}

}  // namespace
}  // namespace abstractllm::text
