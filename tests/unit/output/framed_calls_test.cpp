// Dialects with marks of their own around each argument or around every answer.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

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

Answer calls(std::vector<ToolCall> list, std::string text = "") {
  return {std::move(text), "", std::move(list)};
}

ToolCall find(const char* arguments) { return {"", "find", arguments}; }

// Written with @ for MiniMax's mark.
std::string elements(std::string text) {
  for (std::size_t at = 0; (at = text.find('@', at)) != std::string::npos;) {
    text.replace(at, 1, "]<]minimax[>[");
  }
  return text;
}

// Kimi's openings and closings: (tag) and (/tag).
std::string channels(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "(/") == 0) {
      out += "<|close|>";
      ++i;
    } else if (text[i] == '(') {
      out += "<|open|>";
    } else if (text[i] == ')') {
      out += "<|sep|>";
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<Case> spelled() {
  using enum ToolDialect;
  return {
      {"elements", kMiniMaxElements,
       elements("Hm.@<tool_call>\n@<invoke name=\"add\">@<a>1@</a>@<b>2@</b>"
                "@</invoke>\n@<invoke name=\"find\">@<text>7@</text>@<where>"
                "@<item>a@</item>@<item>@<b>1@</b>@</item>@</where>@</invoke>\n"
                "@</tool_call>"),
       calls({kAdd, find(R"({"text":"7","where":["a",{"b":1}]})")}, "Hm.")},
      {"elements_without_arguments", kMiniMaxElements,
       elements("@<invoke name=\"add\">@</invoke> x"),
       calls({{"", "add", "{}"}}, " x")},
      {"elements_without_end", kMiniMaxElements,
       elements("@<tool_call>@<invoke name=\"add\">@<a>1@</a>@<b>2@</b>"
                "@</invoke>"),
       calls({kAdd})},
      {"elements_cut_off", kMiniMaxElements,
       elements("@<tool_call>\n@<invoke name=\"add\">@<a>"),
       calls({}, elements("@<tool_call>\n@<invoke name=\"add\">@<a>"))},
      {"elements_misnested", kMiniMaxElements,
       elements("@<invoke name=\"add\">@<a>@<b>1@</a>@</invoke>"),
       calls({}, elements("@<invoke name=\"add\">@<a>@<b>1@</a>@</invoke>"))},
      {"parameters", kMiniCpm,
       "Hm.\n<function name=\"add\"><param name=\"a\">1</param>"
       "<param name=\"b\">2</param></function>\n<function name=\"find\">"
       "<param name=\"text\"><![CDATA[a < b\n</param>]]></param></function>",
       calls({kAdd, find(R"({"text":"a < b\n</param>"})")}, "Hm.")},
      {"parameters_python", kMiniCpm,
       "<function name=\"find\"><param name=\"text\">True</param>"
       "<param name=\"where\">['a', None]</param></function>",
       calls({find(R"({"text":"True","where":["a", null]})")})},
      {"parameters_line_break_in_name", kMiniCpm,
       "<function name=\"a\nb\"></function>",
       calls({}, "<function name=\"a\nb\"></function>")},
      {"parameters_cut_off", kMiniCpm,
       "<function name=\"add\"><param name=\"a\">1",
       calls({}, "<function name=\"add\"><param name=\"a\">1")},
      {"hunyuan", kHunyuan,
       "Hm.<tool_calls:s>\n<tool_call:s>add<tool_sep:s>\n<arg_key:s>a"
       "</arg_key:s>\n<arg_value:s>1</arg_value:s>\n<arg_key:s>b</arg_key:s>\n"
       "<arg_value:s>2</arg_value:s>\n</tool_call:s>\n<tool_call:s>find"
       "<tool_sep:s>\n<arg_key:s>text</arg_key:s>\n<arg_value:s> 7\n"
       "</arg_value:s>\n</tool_call:s>\n</tool_calls:s>",
       calls({kAdd, find(R"({"text":" 7\n"})")}, "Hm.")},
      {"hunyuan_one", kHunyuan, "<tool_call:t>add<tool_sep:t></tool_call:t>.",
       calls({{"", "add", "{}"}}, ".")},
      {"hunyuan_other_word", kHunyuan,
       "<tool_call:s>add<tool_sep:t></tool_call:s>",
       calls({}, "<tool_call:s>add<tool_sep:t></tool_call:s>")},
      {"hunyuan_no_value", kHunyuan,
       "<tool_call:s>add<tool_sep:s><arg_key:s>a</arg_key:s>1</tool_call:s>",
       calls({},
             "<tool_call:s>add<tool_sep:s><arg_key:s>a</arg_key:s>1"
             "</tool_call:s>")},
  };
}

std::vector<Case> framed() {
  using enum ToolDialect;
  return {
      {"channels", kKimiChannels,
       channels("(response)Hm.(/response)(tools)(call tool=\"find\" index="
                "\"1\")(argument key=\"text\" type=\"string\")7(/argument)"
                "(argument key=\"where\" type=\"array\")[1](/argument)(/call)"
                "(call tool=\"add\" index=\"2\")(json type=\"object\")"
                "{\"a\": 1, \"b\": 2}(/json)(/call)(/tools)(/message)"),
       calls({find(R"({"text":"7","where":[1]})"), kAdd}, "Hm.")},
      {"channels_entities", kKimiChannels,
       channels("(call tool=\"find\" index=\"1\")(argument key=\"a&quot;&amp;"
                "quot;\" type=\"string\")(/argument)(/call)"),
       calls({find(R"({"a\"&quot;":""})")})},
      {"channels_text", kKimiChannels, channels("Hm.(/response)(/message)"),
       calls({}, "Hm.")},
      {"channels_cut_off", kKimiChannels,
       channels("(call tool=\"add\" index=\"1\")(argument key=\"a\" type=\""),
       calls({}, channels("(call tool=\"add\" index=\"1\")(argument key=\"a\" "
                          "type=\""))},
      {"channels_no_name", kKimiChannels, channels("(call index=\"1\")(/call)"),
       calls({}, channels("(call index=\"1\")(/call)"))},
      {"muse", kMuse,
       " to=user<|message|>Hm.<|eom|><|start|>assistant to=add<|message|>"
       "<atem:function_calls>\n<atem:invoke name=\"add\">\n<atem:parameter "
       "name=\"a\">1</atem:parameter>\n<atem:parameter name=\"b\">2"
       "</atem:parameter>\n</atem:invoke>\n</atem:function_calls><|eom|>",
       calls({kAdd}, "Hm.")},
      {"muse_bare", kMuse, "<|message|>to=", calls({}, "to=")},
      {"muse_words", kMuse, "to=be or not <|start|>assistant!",
       calls({}, "to=be or not <|start|>assistant!")},
      {"functionary", kFunctionary,
       "all\nHm.>>>add\n{\"a\": 1, \"b\": 2}>>>find\n{\"text\": \"x\"}",
       calls({kAdd, find(R"({"text":"x"})")}, "Hm.")},
      {"functionary_only_call", kFunctionary, "add\n{\"a\": 1, \"b\": 2}",
       calls({kAdd})},
      {"functionary_words", kFunctionary, "add\nthem >>>up\n>>>add\nx",
       calls({}, "add\nthem >>>up\n>>>add\nx")},
      {"solar", kSolar,
       "<|tool_calls|><|tool_call:begin|>x1<|tool_call:name|>add"
       "<|tool_call:args|>{\"a\": 1, \"b\": 2}<|tool_call:end|><|tool_call:"
       "begin|><|tool_call:name|>find<|tool_call:args|>{}<|tool_call:end|>"
       "<|calls|>",
       calls({{"x1", "add", R"({"a":1,"b":2})"}, find("{}")})},
      {"solar_text", kSolar, "<|content|>Hm.<|end|>", calls({}, "Hm.")},
      {"solar_cut_off", kSolar,
       "<|tool_calls|><|tool_call:begin|>x1<|tool_call:name|>add",
       calls({}, "<|tool_calls|><|tool_call:begin|>x1<|tool_call:name|>add")},
      {"gigachat", kGigaChat,
       "Hm.<|message_sep|>\n\nfunction call<|role_sep|>\n{\"name\": \"add\", "
       "\"arguments\": {\"a\": 1, \"b\": 2}}<|message_sep|>\n\n",
       calls({kAdd}, "Hm.")},
      {"gigachat_first", kGigaChat,
       "function call<|role_sep|>\n{\"name\": \"add\", \"arguments\": {\"a\": "
       "1, \"b\": 2}}",
       calls({kAdd})},
      {"gigachat_text", kGigaChat, "Hm.<|message_sep|>\n\n", calls({}, "Hm.")},
      {"gigachat_no_call", kGigaChat,
       "a<|message_sep|>\n\nfunction call<|role_sep|>\n{\"x\": 1}",
       calls({}, "a<|message_sep|>\n\nfunction call<|role_sep|>\n{\"x\": 1}")},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all = spelled();
  for (Case& one : framed()) all.push_back(std::move(one));
  return all;
}

class FramedCalls : public testing::TestWithParam<Case> {};

TEST_P(FramedCalls, AreTheSameHoweverTheBytesCome) {
  expect_answer(with_tools(GetParam().dialect), GetParam().input,
                GetParam().expected);
}

// An answer may end anywhere; what it then says is not a matter of pieces.
TEST_P(FramedCalls, AreTheSameWhereverTheAnswerEnds) {
  const AnswerFormat format = with_tools(GetParam().dialect);
  for (std::size_t size = 1; size < GetParam().input.size(); ++size) {
    const std::string text = GetParam().input.substr(0, size);
    std::vector<std::string> bytes;
    for (const char c : text) bytes.emplace_back(1, c);
    ASSERT_EQ(answer_of(format, {text}), answer_of(format, bytes)) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Dialects, FramedCalls, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

TEST(FramedCalls, ElementsNestNoDeeperThanTheirLimit) {
  std::string deep = "]<]minimax[>[<invoke name=\"add\">";
  for (int i = 0; i < 20000; ++i) deep += "]<]minimax[>[<a>";
  EXPECT_EQ(answer_of(with_tools(ToolDialect::kMiniMaxElements), {deep}).text,
            deep);
}

TEST(FramedCalls, AnswersWithoutToolsAreReadWhereTheyAreFramed) {
  EXPECT_EQ(answer_of({.dialect = ToolDialect::kFunctionary}, {"all\nHm."}),
            calls({}, "Hm."));
  EXPECT_TRUE(frames_answers(ToolDialect::kFunctionary));
  EXPECT_FALSE(frames_answers(ToolDialect::kHermes));
}

}  // namespace
}  // namespace abstractllm::output
