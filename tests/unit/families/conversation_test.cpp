// SPDX-License-Identifier: Apache-2.0
#include "families/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "abstractllm/error.h"
#include "families/chat_fallback.h"

namespace abstractllm::families {
namespace {

using testing::HasSubstr;

TemplateFacts facts_of(std::string_view source) {
  return find_template_facts(text::ChatTemplate(
      source, {{"bos_token", "<s>"}, {"eos_token", "</s>"}}));
}

std::string render(std::string_view source, std::vector<Message> messages,
                   const std::string& task = "",
                   const std::optional<std::string>& tools = std::nullopt) {
  const text::ChatTemplate chat(source,
                                {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  const TemplateFacts facts = find_template_facts(chat);
  return chat.render(
      {.messages = text::messages_to_json(
           adapt_conversation(std::move(messages), task, facts), facts.shape),
       .tools = tools});
}

constexpr char kRefusesSystem[] =
    "{%- if messages[0].role == 'system' -%}{{ raise_exception('no') }}"
    "{%- endif -%}{%- for m in messages -%}"
    "{%- if (m.role == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('roles must alternate') }}{%- endif -%}"
    "{{- '<' + m.role + '>' + m.content -}}{%- endfor -%}";

TEST(Conversation, ASystemPromptThatTheTemplateRefusesIsFolded) {
  EXPECT_EQ(facts_of(kRefusesSystem).system_prompt, SystemPrompt::kFolded);
  EXPECT_EQ(render(kRefusesSystem,
                   {Message::system("Be brief."), Message::user("Hi")}),
            "<user>Be brief.\n\nHi");
}

TEST(Conversation, TurnsOfOneRoleInARowBecomeOneWhereTheyMust) {
  EXPECT_TRUE(facts_of(kRefusesSystem).alternates);
  EXPECT_EQ(
      render(kRefusesSystem, {Message::user("a"), Message::user("b"),
                              Message::assistant("c"), Message::user("d")}),
      "<user>a\n\nb<assistant>c<user>d");
  EXPECT_FALSE(facts_of(plain_chat_template()).alternates);
}

TEST(Conversation, CallsAndResultsAreSpelledOutWhereTheTemplateHasNoWords) {
  const std::vector<Message> messages{
      Message::user("Add"),
      {Role::kAssistant, {ToolCall{"c1", "add", R"({"a":1})"}}},
      {Role::kTool, {ToolResult{"c1", "add", "3", false}}}};
  EXPECT_EQ(render(kRefusesSystem, messages),
            "<user>Add<assistant><tool_call>\n"
            R"({"name":"add","arguments":{"a":1}})"
            "\n</tool_call><user>Result of the tool add:\n3");
}

TEST(Conversation, ATaskJoinsTheSystemPromptOrIsOne) {
  EXPECT_EQ(render(kRefusesSystem, {Message::user("Hi")}, "Task."),
            "<user>Task.\n\nHi");
  EXPECT_EQ(
      render(kRefusesSystem,
             {Message::system("Be brief."), Message::user("Hi")}, "Task."),
      "<user>Be brief.\n\nTask.\n\nHi");
}

TEST(Conversation, AModelWithoutSystemPromptRefusesOne) {
  TemplateFacts facts;
  facts.system_prompt = SystemPrompt::kUnsupported;
  EXPECT_THROW(
      adapt_conversation({Message::system("s"), Message::user("u")}, "", facts),
      UnsupportedFeatureError);
}

TEST(Conversation, ThePreambleNamesToolsAndTheirParameters) {
  EXPECT_THAT(
      tools_preamble({{"add", "Adds.", R"({"type":"object"})"}}),
      HasSubstr(
          R"({"name":"add","description":"Adds.","parameters":{"type":"object"}})"));
}

TEST(TemplateFacts, OfAThinkingSwitch) {
  const TemplateFacts facts = facts_of(
      "{{ messages[0].content }}"
      "{% if enable_thinking is defined and not enable_thinking %}x{% endif "
      "%}");
  EXPECT_EQ(facts.thinking.kind, ThinkingControl::Kind::kSwitch);
  EXPECT_EQ(facts.thinking.variable, "enable_thinking");
  EXPECT_EQ(facts_of("{{ messages }}{# enable_thinking #}").thinking.kind,
            ThinkingControl::Kind::kNone);
}

TEST(TemplateFacts, OfABudgetOrAWordForThinking) {
  const TemplateFacts budget = facts_of(
      "{{ messages[0].content }}{% if thinking_budget is defined and "
      "thinking_budget == 0 %}x{% endif %}");
  EXPECT_EQ(budget.thinking.kind, ThinkingControl::Kind::kBudget);
  EXPECT_EQ(budget.thinking.variable, "thinking_budget");
  const TemplateFacts word = facts_of(
      "{% for m in messages %}{{ m.content | replace('/no_think', '') | "
      "replace('/think', '') }}{% if '/no_think' in m.content %}x{% endif %}"
      "{% endfor %}");
  EXPECT_EQ(word.thinking.kind, ThinkingControl::Kind::kWord);
  EXPECT_EQ(facts_of("{% for m in messages %}{{ m.content }}{% endfor %}"
                     "{# /no_think #}")
                .thinking.kind,
            ThinkingControl::Kind::kNone);
}

constexpr char kSchema[] =
    R"({"type":"object","properties":{"a":{"type":"string",)"
    R"("description":"x"}},"required":["a"]})";

std::string read(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// Whatever the template: system text, user text, calls and results all reach
// the prompt.
TEST(TemplateFacts, NothingOfAConversationIsLostInPublishedTemplates) {
  int count = 0;
  const auto folder =
      std::filesystem::path(ABSTRACTLLM_TEST_DATA) / "data" / "templates";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    const std::string name = entry.path().filename().string();
    SCOPED_TRACE(name);
    // It wants variables that no chat has.
    if (name.starts_with("fireworks-ai-llama-3-firefunction")) continue;
    ++count;
    // Those for requests with tools fail without.
    const auto tools = name.find("tool_use") == std::string::npos
                           ? std::nullopt
                           : text::tools_to_json({{"add", "Adds.", kSchema}});
    std::string text;
    EXPECT_NO_THROW(
        text = render(
            read(entry.path()),
            {Message::system("SysText"),
             Message::user("FirstText"),
             {Role::kAssistant,
              {ToolCall{"call_12345678", "add", R"({"a":"Arg"})"}}},
             {Role::kTool, {ToolResult{"call_12345678", "add", "Res", false}}},
             Message::assistant("AnswerText"),
             Message::user("LastText")},
            "", tools));
    for (const char* part : {"SysText", "FirstText", "add", "Arg", "Res",
                             "AnswerText", "LastText"}) {
      EXPECT_THAT(text, HasSubstr(part));
    }
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace abstractllm::families
