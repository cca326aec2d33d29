// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "output/answer_stream.h"
#include "unit/output/answers.h"

namespace abstractllm::output {
namespace {

AnswerFormat think(bool open = false) {
  return {.reasoning_begin = "<think>",
          .reasoning_end = "</think>",
          .reasoning_open = open};
}

TEST(Reasoning, IsWhatStandsBetweenTheMarksAtTheBeginning) {
  expect_answer(think(), "<think>\nHm, é.\n</think>\n\nHi.",
                {"Hi.", "Hm, é.", {}});
  expect_answer(think(), "\n<think>\n\n</think>\n\nHi.", {"Hi.", "", {}});
}

TEST(Reasoning, MayBeOpenInThePrompt) {
  expect_answer(think(true), "Hm.\n</think>\nHi <think>.",
                {"Hi <think>.", "Hm.", {}});
  expect_answer(think(true), "<think>\nHm.</think>Hi", {"Hi", "Hm.", {}});
}

TEST(Reasoning, MayEndBeforeItBegins) {
  expect_answer(think(), "</think>\n\nHi </think>.", {"Hi </think>.", "", {}});
  expect_answer(think(), "</thin", {"</thin", "", {}});
}

TEST(Reasoning, ThatNeverEndsIsAllReasoning) {
  expect_answer(think(), "<think>one </thin", {"", "one </thin", {}});
}

TEST(Reasoning, IsNotLookedForWithinText) {
  expect_answer(think(), "The tag <think> opens </think>.",
                {"The tag <think> opens </think>.", "", {}});
  expect_answer(think(), "<thin", {"<thin", "", {}});
  expect_answer({}, "<think>x</think>", {"<think>x</think>", "", {}});
}

TEST(Reasoning, StandsBeforeCalls) {
  AnswerFormat format = with_tools(ToolDialect::kHermes);
  format.reasoning_begin = "<think>";
  format.reasoning_end = "</think>";
  expect_answer(format,
                "<think>I add.</think>\n\nOk.\n<tool_call>\n{\"name\":\"add\","
                "\"arguments\":{}}\n</tool_call>",
                {"Ok.", "I add.", {{"", "add", "{}"}}});
}

AnswerFormat harmony() { return with_tools(ToolDialect::kHarmony); }

TEST(Harmony, ChannelsAreReasoningTextAndCalls) {
  expect_answer(harmony(),
                "<|channel|>analysis<|message|>I add.<|end|><|start|>assistant"
                "<|channel|>commentary to=functions.add <|constrain|>json"
                "<|message|>{\"a\": 1}<|call|>",
                {"", "I add.", {{"", "add", R"({"a":1})"}}});
  expect_answer(harmony(),
                "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant"
                "<|channel|>final<|message|>Hi <|x|> é.<|return|>",
                {"Hi <|x|> é.", "Hm.", {}});
}

TEST(Harmony, TheRecipientMayStandBeforeTheChannel) {
  expect_answer(harmony(),
                " to=functions.add<|channel|>commentary json<|message|>{}",
                {"", "", {{"", "add", "{}"}}});
}

TEST(Harmony, APreambleIsText) {
  expect_answer(harmony(),
                "<|channel|>commentary<|message|>I will look.<|end|><|start|>"
                "assistant<|channel|>commentary to=functions.add<|message|>"
                "{\"name\": \"add\", \"arguments\": {\"a\": 1}",
                {"I will look.", "", {{"", "add", R"({"a":1})"}}});
}

TEST(Harmony, ACallThatIsNoneIsText) {
  expect_answer(
      harmony(), "<|channel|>commentary to=functions.add<|message|>no<|call|>",
      {"<|channel|>commentary to=functions.add<|message|>no", "", {}});
}

TEST(Harmony, TextWithoutChannelsIsText) {
  expect_answer(harmony(), "Just words.", {"Just words.", "", {}});
}

TEST(Acceptance, A14_MarksSplitOverPiecesNeitherLeakNorHoldTextBack) {
  const AnswerFormat format = with_tools(ToolDialect::kHermes);
  const std::string call =
      R"(<tool_call>{"name":"add","arguments":{"a":1}}</tool_call>)";
  const ToolCall add{"", "add", R"({"a":1})"};
  expect_answer(format, call + " then", {" then", "", {add}});
  expect_answer(format, "first " + call, {"first", "", {add}});
  expect_answer(format, "a < b, 1 << 2, <b>bold</b> <tool>",
                {"a < b, 1 << 2, <b>bold</b> <tool>", "", {}});
  // No more is held back than may be the beginning of a mark.
  const auto parser = make_answer_parser(format);
  std::string shown;
  const std::string text = "x <tool_cal x <t x";
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::vector<AnswerItem> items;
    parser->push(text.substr(i, 1), items);
    for (const AnswerItem& item : items) shown += std::get<TextRun>(item).text;
    EXPECT_LE(i + 1 - shown.size(), 20U);
  }
  EXPECT_EQ(shown, text);
}

TEST(Acceptance, A17_ThinkTagsAndChannelsLeaveTheContentClean) {
  expect_answer(think(), "<think>a</think>b", {"b", "a", {}});
  expect_answer(harmony(),
                "<|channel|>analysis<|message|>a<|end|><|start|>assistant"
                "<|channel|>final<|message|>b",
                {"b", "a", {}});
}

Event last(const std::vector<Event>& events) { return events.back(); }

TEST(AnswerStream, StopTextsAreLookedForInTheTextAlone) {
  AnswerStream stream({.format = think(), .stops = {"END"}});
  std::vector<Event> events;
  stream.push("<think>END</think>one END two", std::nullopt, events);
  stream.finish(events);
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.stop_text(), "END");
  EXPECT_EQ(std::get<TextDelta>(last(events)).text, "one ");
}

TEST(AnswerStream, CallsGetIdsThatFollowFromTheSeed) {
  const auto ids = [](std::uint64_t seed) {
    AnswerStream stream(
        {.format = with_tools(ToolDialect::kHermes), .id_seed = seed});
    std::vector<Event> events;
    const std::string call =
        R"(<tool_call>{"name":"add","arguments":{}}</tool_call>)";
    stream.push(call + call, std::nullopt, events);
    stream.finish(events);
    std::vector<std::string> list;
    for (const Event& event : events) {
      list.push_back(std::get<ToolCall>(event).id);
    }
    return list;
  };
  const auto first = ids(7);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].size(), std::string("call_12345678").size());
  EXPECT_NE(first[0], first[1]);
  EXPECT_EQ(first, ids(7));
  EXPECT_NE(first, ids(8));
}

TEST(AnswerStream, EndsWithItsOnlyCallWhereOneIsAllowed) {
  AnswerStream stream(
      {.format = with_tools(ToolDialect::kHermes), .one_call = true});
  std::vector<Event> events;
  stream.push(R"(<tool_call>{"name":"add","arguments":{}}</tool_call>more)",
              std::nullopt, events);
  EXPECT_TRUE(stream.stopped());
  stream.finish(events);
  EXPECT_EQ(events.size(), 1U);
}

TokenLogprob logprob(std::int32_t id) { return {.token_id = id}; }

TEST(AnswerStream, LogprobsAreThoseOfTheTextsTokens) {
  AnswerStream stream({.format = think()});
  std::vector<Event> events;
  std::int32_t id = 0;
  for (const char* piece :
       {"<think>", "Hm", "</think>", "\n", "Hi", "", " yo"}) {
    stream.push(piece, logprob(id++), events);
  }
  stream.push("", logprob(id++), events);
  stream.finish(events);
  std::vector<std::int32_t> ids;
  for (const Event& event : events) {
    if (const auto* delta = std::get_if<TextDelta>(&event)) {
      for (const auto& each : delta->logprobs) ids.push_back(each.token_id);
    }
  }
  EXPECT_EQ(ids, (std::vector<std::int32_t>{4, 5, 6, 7}));
}

}  // namespace
}  // namespace abstractllm::output
