// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "unit/output/answers.h"

namespace abstractllm::output {
namespace {

struct Case {
  const char* name;
  ToolDialect dialect;
  std::string input;
  Answer expected;
};

const ToolCall kAdd{"", "add", R"({"a":1,"b":2})"};
const ToolCall kFind{"", "find",
                     R"({"text":"x } \" ]","where":["a",{"b":1}]})"};
const char kFindJson[] = R"({"text": "x } \" ]", "where": ["a", {"b": 1}]})";

Answer calls(std::vector<ToolCall> list, std::string text = "") {
  return {std::move(text), "", std::move(list)};
}

std::vector<Case> hermes() {
  const std::string add =
      R"(<tool_call>{"name": "add", "arguments": {"a": 1, "b": 2}}</tool_call>)";
  const std::string find = std::string("<tool_call>\n{\"name\": \"find\", ") +
                           "\"arguments\": " + kFindJson + "}\n</tool_call>";
  using enum ToolDialect;
  return {
      {"one", kHermes, add, calls({kAdd})},
      {"parallel", kHermes, "Let me.\n\n" + add + "\n" + find,
       calls({kAdd, kFind}, "Let me.")},
      {"text_behind", kHermes, add + "\nDone.", calls({kAdd}, "\nDone.")},
      {"no_call", kHermes, "a < b and <tool> and <tool_cal",
       calls({}, "a < b and <tool> and <tool_cal")},
      {"tag_in_prose", kHermes, "Use <tool_call> tags: " + add,
       calls({kAdd}, "Use <tool_call> tags:")},
      {"malformed", kHermes, "<tool_call>{\"name\": add}</tool_call> x",
       calls({}, "<tool_call>{\"name\": add}</tool_call> x")},
      {"cut_off", kHermes, R"(<tool_call>{"name": "add", "argum)",
       calls({}, R"(<tool_call>{"name": "add", "argum)")},
      {"no_closing_tag", kHermes, add.substr(0, add.size() - 12),
       calls({kAdd})},
      {"no_closing_brace", kHermes, add.substr(0, add.size() - 13),
       calls({kAdd})},
      {"doubled_tags", kHermes, "<tool_call>\n" + add + "</tool_call>",
       calls({kAdd})},
      {"raw_line_break", kHermes,
       "<tool_call>{\"name\":\"find\",\"arguments\":{\"text\":\"a\nb\"}}"
       "</tool_call>",
       calls({{"", "find", R"({"text":"a\nb"})"}})},
      {"python_literal", kHermes,
       "<tool_call>{'name': 'find', 'arguments': {'text': 'it\\'s \"x\"', "
       "'where': None}}</tool_call>",
       calls({{"", "find", R"({"text":"it's \"x\"","where":null})"}})},
      {"function_call_tag", kHermes,
       R"(<function_call>{"name":"add","parameters":{"a":1,"b":2}})"
       "</function_call>",
       calls({kAdd})},
      {"arguments_as_text", kHermes,
       R"(<tool_call>{"name":"add","arguments":"{\"a\":1,\"b\":2}"})"
       "</tool_call>",
       calls({kAdd})},
      {"unicode", kHermes,
       "Zürich <tool_call>{\"name\":\"find\",\"arguments\":{\"text\":\"Zü\"}}"
       "</tool_call>",
       calls({{"", "find", "{\"text\":\"Zü\"}"}}, "Zürich")},
  };
}

std::vector<Case> tagged() {
  const std::string xml =
      "<tool_call>\n<function=add>\n<parameter=a>\n1\n</parameter>\n"
      "<parameter=b>\n2\n</parameter>\n</function>\n</tool_call>";
  const std::string glm =
      "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n"
      "<arg_key>b</arg_key>\n<arg_value>2</arg_value>\n</tool_call>";
  using enum ToolDialect;
  return {
      {"xml", kQwenXml, "So: " + xml, calls({kAdd}, "So:")},
      {"xml_parallel", kQwenXml, xml + "\n" + xml, calls({kAdd, kAdd})},
      {"xml_bare", kQwenXml,
       "<function=find><parameter=text>12</parameter></function>",
       calls({{"", "find", R"({"text":"12"})"}})},
      {"xml_code_within", kQwenXml,
       "<tool_call><function=find><parameter=text>\n<a>\n</parameter> x\n"
       "</parameter></function></tool_call>",
       calls({{"", "find", R"({"text":"<a>\n</parameter> x"})"}})},
      {"xml_cut_off", kQwenXml, xml.substr(0, 60),
       calls({}, xml.substr(0, 60))},
      {"xml_json_inside", kQwenXml,
       R"(<tool_call>{"name":"add","arguments":{"a":1,"b":2}}</tool_call>)",
       calls({kAdd})},
      {"glm", kGlm, glm + glm, calls({kAdd, kAdd})},
      {"glm_text_value", kGlm,
       "<tool_call>find\n<arg_key>text</arg_key><arg_value>7</arg_value>"
       "</tool_call>",
       calls({{"", "find", R"({"text":"7"})"}})},
      {"glm_without_arguments", kGlm, "<tool_call>find\n</tool_call>",
       calls({{"", "find", "{}"}})},
      {"glm_4", kGlm, "add\n{\"a\": 1, \"b\": 2}", calls({kAdd})},
      {"glm_4_words", kGlm, "add\nthem up", calls({}, "add\nthem up")},
      {"minimax", kMiniMax,
       "<minimax:tool_call>\n<invoke name=\"add\">\n<parameter name=\"a\">1"
       "</parameter>\n<parameter name=\"b\">2</parameter>\n</invoke>\n"
       "</minimax:tool_call>",
       calls({kAdd})},
      {"dsml", kDeepSeek,
       "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"find\">\n"
       "<｜DSML｜parameter name=\"text\" string=\"true\">1"
       "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
       calls({{"", "find", R"({"text":"1"})"}})},
  };
}

std::vector<Case> marked() {
  const std::string add = R"({"name": "add", "arguments": {"a": 1, "b": 2}})";
  using enum ToolDialect;
  return {
      {"mistral_list", kMistral, "Hm. [TOOL_CALLS][" + add + ", " + add + "]",
       calls({kAdd, kAdd}, "Hm.")},
      {"mistral_ids", kMistral,
       R"([TOOL_CALLS][{"name":"add","arguments":{"a":1,"b":2},"id":"abc123XYZ"}])",
       calls({{"abc123XYZ", "add", R"({"a":1,"b":2})"}})},
      {"mistral_named", kMistral,
       R"([TOOL_CALLS]add[ARGS]{"a": 1, "b": 2}[TOOL_CALLS]add[ARGS]{"a": 1, "b": 2})",
       calls({kAdd, kAdd})},
      {"mistral_call_id", kMistral,
       R"([TOOL_CALLS]add[CALL_ID]abc123XYZ[ARGS]{"a": 1, "b": 2})",
       calls({{"abc123XYZ", "add", R"({"a":1,"b":2})"}})},
      {"mistral_malformed", kMistral, "[TOOL_CALLS]add[ARGS]now",
       calls({}, "[TOOL_CALLS]add[ARGS]now")},
      {"functools", kFunctools, "functools[" + add + "]", calls({kAdd})},
      {"functools_word", kFunctools, "functools are nice",
       calls({}, "functools are nice")},
      {"phi4_mini", kFunctools, "<|tool_call|>[" + add + "]<|/tool_call|>",
       calls({kAdd})},
      {"granite", kGranite, "<|tool_call|>[" + add + "]", calls({kAdd})},
      {"granite_tags", kGranite, "<tool_call>\n" + add + "\n</tool_call>",
       calls({kAdd})},
      {"apertus", kApertus,
       R"(Hm. <|tools_prefix|>[{"add": {"a": 1, "b": 2}}, {"find": {}}])"
       "<|tools_suffix|>",
       calls({kAdd, {"", "find", "{}"}}, "Hm.")},
      {"apertus_unclosed", kApertus,
       R"(<|tools_prefix|>[{"add": {"a": 1, "b": 2}}])", calls({kAdd})},
      {"apertus_malformed", kApertus, "<|tools_prefix|>[7]<|tools_suffix|>",
       calls({}, "<|tools_prefix|>[7]<|tools_suffix|>")},
      {"nemotron", kToolcall, "<TOOLCALL>[" + add + "]</TOOLCALL>",
       calls({kAdd})},
      {"several_lines", kToolcall,
       "<tool_calls>\n" + add + "\n" + add + "\n</tool_calls>",
       calls({kAdd, kAdd})},
      {"gigachat", kToolcall, "<|function_call|>" + add, calls({kAdd})},
      {"nemotron_empty", kToolcall, "<TOOLCALL>[]</TOOLCALL>None.",
       calls({}, "None.")},
      {"command_r7b", kCommandR,
       "<|START_ACTION|>[\n {\"tool_call_id\": \"0\", \"tool_name\": \"add\", "
       "\"parameters\": {\"a\": 1, \"b\": 2}}\n]<|END_ACTION|>",
       calls({kAdd})},
      {"command_r", kCommandR,
       "Action: ```json\n[\n{\"tool_name\": \"add\", \"parameters\": "
       "{\"a\": 1, \"b\": 2}}\n]```",
       calls({kAdd})},
      {"command_r_answers", kCommandR,
       "Action: ```json\n[{\"tool_name\": \"directly_answer\", "
       "\"parameters\": {}}]```Hi",
       calls({}, "Hi")},
      {"deepseek_v3", kDeepSeek,
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n"
       "```json\n{\"a\": 1, \"b\": 2}\n```<｜tool▁call▁end｜>"
       "<｜tool▁calls▁end｜>",
       calls({kAdd})},
      {"deepseek_v31", kDeepSeek,
       "Ok<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>add<｜tool▁sep｜>"
       "{\"a\": 1, \"b\": 2}<｜tool▁call▁end｜><｜tool▁call▁begin｜>add"
       "<｜tool▁sep｜>{\"a\": 1, \"b\": 2}<｜tool▁call▁end｜>"
       "<｜tool▁calls▁end｜>",
       calls({kAdd, kAdd}, "Ok")},
      {"kimi", kKimi,
       "<|tool_calls_section_begin|><|tool_call_begin|>functions.add:0"
       "<|tool_call_argument_begin|>{\"a\": 1, \"b\": 2}<|tool_call_end|>"
       "<|tool_calls_section_end|>",
       calls({{"functions.add:0", "add", R"({"a":1,"b":2})"}})},
      {"gemma_4", kGemmaTag,
       "<|tool_call>call:find{text:<|\"|>a, } b<|\"|>,where:[<|\"|>x<|\"|>,"
       "{n:1}]}<tool_call|>",
       calls({{"", "find", R"({"text":"a, } b","where":["x",{"n":1}]})"}})},
  };
}

std::vector<Case> bare() {
  const std::string add = R"({"name": "add", "parameters": {"a": 1, "b": 2}})";
  using enum ToolDialect;
  return {
      {"llama_json", kLlama, add, calls({kAdd})},
      {"llama_two", kLlama, add + "; " + add, calls({kAdd, kAdd})},
      {"llama_typed", kLlama,
       R"({"type": "function", "name": "add", "parameters": {"a": 1, "b": 2}})",
       calls({kAdd})},
      {"llama_python_tag", kLlama, "<|python_tag|>" + add, calls({kAdd})},
      {"llama_builtin", kLlama, "<|python_tag|>find.call(text=\"x\")",
       calls({{"", "find", R"({"text":"x"})"}})},
      {"llama_function_tag", kLlama,
       R"(<function=add>{"a": 1, "b": 2}</function>)", calls({kAdd})},
      {"llama_list", kLlama, "[add(a=1, b=2)]", calls({kAdd})},
      {"llama_undeclared", kLlama, R"({"name": "Alice"})",
       calls({}, R"({"name": "Alice"})")},
      {"llama_other_json", kLlama, R"({"answer": [1, 2]})",
       calls({}, R"({"answer": [1, 2]})")},
      {"llama_in_prose", kLlama, "See " + add, calls({}, "See " + add)},
      {"json", kJson, "[" + add + "]", calls({kAdd})},
      {"json_fence", kJson, "```json\n" + add + "\n```", calls({kAdd})},
      {"json_fence_other", kJson, "```json\n{\"x\": 1}\n```",
       calls({}, "```json\n{\"x\": 1}\n```")},
      {"json_answer", kJson, "[1, 2]", calls({}, "[1, 2]")},
      {"gemma_code", kGemma, "```tool_code\nprint(add(a=1, b=2))\n```",
       calls({kAdd})},
      {"gemma_json", kGemma, "Sure:\n```json\n" + add + "\n```",
       calls({kAdd}, "Sure:")},
      {"gemma_other_code", kGemma, "```python\nprint('hi')\n```",
       calls({}, "```python\nprint('hi')\n```")},
      {"lfm2", kPythonic,
       "<|tool_call_start|>[add(a=1, b=2), find(text='it\\'s', "
       "where=[\"a\", {'b': None}])]<|tool_call_end|>Checking.",
       calls(
           {kAdd, {"", "find", R"({"text":"it's","where":["a",{"b":null}]})"}},
           "Checking.")},
      {"lfm2_json", kPythonic,
       "<|tool_call_start|>[{\"name\":\"add\",\"arguments\":{\"a\":1,\"b\":2}}]"
       "<|tool_call_end|>",
       calls({kAdd})},
      {"pythonic_bare", kPythonic, "[add(a=1, b=2)]", calls({kAdd})},
      {"pythonic_answer", kPythonic, "[1] says", calls({}, "[1] says")},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& list : {hermes(), tagged(), marked(), bare()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

class ToolCalls : public testing::TestWithParam<Case> {};

TEST_P(ToolCalls, AreTheSameHoweverTheBytesCome) {
  expect_answer(with_tools(GetParam().dialect), GetParam().input,
                GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Dialects, ToolCalls, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

TEST(ToolCalls, EveryDialectPassesTextThatIsNoCallUnchanged) {
  for (const ToolDialect dialect : all_tool_dialects()) {
    SCOPED_TRACE(to_string(dialect));
    for (const std::string text :
         {"plain words", "a <b> {c} [d] ```e```", "2 < 3 && [x](y) | z",
          "  leading", "trailing  ", "{", "[", "<", "<|", "<tool_call>",
          "[TOOL_CALLS]", "\n\n", "```json", "```json\n", "```"}) {
      if (dialect == ToolDialect::kHarmony && text.starts_with("<|")) continue;
      expect_answer(with_tools(dialect), text, {text, "", {}});
    }
  }
}

TEST(ToolCalls, ThePreamblesFormIsUnderstoodBesideEveryDialect) {
  for (const ToolDialect dialect : all_tool_dialects()) {
    if (dialect == ToolDialect::kHarmony) continue;
    SCOPED_TRACE(to_string(dialect));
    expect_answer(
        with_tools(dialect),
        "So:\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1, "
        "\"b\": 2}}\n</tool_call>",
        {"So:", "", {kAdd}});
  }
}

TEST(ToolCalls, TheirNamesAreEachTheirOwn) {
  std::set<std::string_view> names;
  for (const ToolDialect dialect : all_tool_dialects()) {
    EXPECT_FALSE(to_string(dialect).empty());
    EXPECT_TRUE(names.insert(to_string(dialect)).second);
  }
}

TEST(ToolCalls, TextAppearsAsSoonAsItIsNoMark) {
  const auto parser = make_answer_parser(with_tools(ToolDialect::kHermes));
  std::vector<AnswerItem> items;
  parser->push("Hello, <b", items);
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(std::get<TextRun>(items[0]).text, "Hello, <b");
  items.clear();
  parser->push(" x<tool", items);
  EXPECT_EQ(std::get<TextRun>(items[0]).text, " x");
}

TEST(ToolCalls, DeepNestingIsText) {
  const std::string deep = "<tool_call>" + std::string(100000, '[');
  EXPECT_EQ(answer_of(with_tools(ToolDialect::kHermes), {deep}).text, deep);
}

}  // namespace
}  // namespace abstractllm::output
