// SPDX-License-Identifier: Apache-2.0
#include "families/answer_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "abstractllm/error.h"
#include "families/conversation.h"
#include "output/answer_parser.h"

namespace abstractllm::families {
namespace {

using output::ToolDialect;

std::string read(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

AnswerRules rules_of(const std::string& source, const TemplateFacts& facts) {
  const FoundFamily found = detect_family({.chat_template = source});
  return find_answer_rules(source, facts, *found.family,
                           [](std::string_view) { return false; });
}

std::vector<ToolDefinition> tools() {
  return {{"get_weather", "Weather.",
           R"({"type":"object","properties":{"city":{"type":"string",)"
           R"("description":"c"},"days":{"type":"integer","description":"d"}},)"
           R"("required":["city"]})"}};
}

class PublishedTemplate : public testing::TestWithParam<std::filesystem::path> {
};

// What the template makes of a call in the history is what the model was
// trained to write: the dialect must read it back.
TEST_P(PublishedTemplate, ItsCallsAreReadBack) {
  const std::string name = GetParam().filename().string();
  if (name.starts_with("fireworks-ai-llama-3-firefunction")) return;
  const std::string source = read(GetParam());
  const text::ChatTemplate chat(source,
                                {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  const TemplateFacts facts = find_template_facts(chat);
  if (!facts.tool_calls) return;
  const AnswerRules rules = rules_of(source, facts);
  const std::vector<Message> asked{Message::user("Weather?")};
  std::vector<Message> answered = asked;
  answered.push_back(
      {Role::kAssistant,
       {ToolCall{"abc123XYZ", "get_weather", R"({"city":"Bern","days":3})"}}});
  const auto render = [&](const std::vector<Message>& messages, bool prompt) {
    return chat.render(
        {.messages = text::messages_to_json(
             adapt_conversation(messages, "", facts), facts.shape),
         .tools = text::tools_to_json(tools()),
         .add_generation_prompt = prompt});
  };
  const std::string before = render(asked, false);
  const std::string after = render(answered, false);
  std::size_t same = 0;
  while (same < before.size() && same < after.size() &&
         before[same] == after[same]) {
    ++same;
  }
  // From the last turn on.
  std::string answer = after.substr(same);
  ASSERT_NE(answer.find("get_weather"), std::string::npos) << answer;
  output::AnswerFormat format{.dialect = rules.dialect, .tools = tools()};
  const auto parser = output::make_answer_parser(format);
  std::vector<output::AnswerItem> items;
  // Past what stands before the model's own words.
  const std::string prompt = render(asked, true);
  const std::string own =
      after.starts_with(prompt) ? after.substr(prompt.size()) : answer;
  parser->push(own, items);
  parser->finish(items);
  std::vector<ToolCall> calls;
  for (const auto& item : items) {
    if (const auto* call = std::get_if<ToolCall>(&item)) calls.push_back(*call);
  }
  ASSERT_EQ(calls.size(), 1U) << to_string(rules.dialect) << "\n" << own;
  EXPECT_EQ(calls[0].name, "get_weather") << own;
  EXPECT_THAT(calls[0].arguments, testing::AnyOf(R"({"city":"Bern","days":3})",
                                                 R"({"days":3,"city":"Bern"})"))
      << own;
}

// Marks that stand for other things in other dialects' templates.
TEST(AnswerRules, SomeDialectsMarkReasoningInTheirOwnWay) {
  const std::vector<std::pair<std::string, std::string>> templates{
      {"<arg_key{}>", "<think:opensource>"},
      {"<|open|><|sep|>", "<|open|>think<|sep|>"},
      {"]<]minimax[>[", "<mm:think>"},
      {"<atem:function_calls>", "to=self<|message|>"},
      {"<|tool_call:begin|><|end|>", "<|think|>"},
      {"<|end|>", ""},
      {"after the marker [BEGIN FINAL RESPONSE].",
       "Here are my reasoning steps:\n"}};
  for (const auto& [source, begin] : templates) {
    EXPECT_EQ(rules_of(source, {}).reasoning_begin, begin) << source;
  }
}

std::vector<std::filesystem::path> all_templates() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(ABSTRACTLLM_TEST_DATA) / "data" /
           "templates")) {
    if (entry.path().extension() == ".jinja") paths.push_back(entry.path());
  }
  return paths;
}

INSTANTIATE_TEST_SUITE_P(Templates, PublishedTemplate,
                         testing::ValuesIn(all_templates()),
                         [](const auto& info) {
                           std::string name = info.param.stem().string();
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) {
                               c = '_';
                             }
                           }
                           return name;
                         });

}  // namespace
}  // namespace abstractllm::families
