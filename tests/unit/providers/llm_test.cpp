// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/llm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/scripted_provider.h"

namespace abstractllm {
namespace {

using test::Gate;
using test::Script;
using test::ScriptedProvider;
using ::testing::HasSubstr;

// The least that a provider may be: `events` as its every answer.
class BareProvider : public AbstractLLMInterface {
 public:
  explicit BareProvider(std::vector<Event> events)
      : events_(std::move(events)) {}
  std::string_view provider() const override { return "bare"; }
  std::string_view model() const override { return "none"; }
  Capabilities capabilities() const override { return {}; }
  void stream(const Request&, const EventSink& sink) override {
    for (const Event& event : events_) sink(event);
  }

 private:
  std::vector<Event> events_;
};

TEST(Generate, CollectsTheStream) {
  Finished end;
  end.reason = FinishReason::kToolCalls;
  end.stop_text = "##";
  end.usage = {3, 1, 2};
  end.timings.decode_seconds = 0.5;
  end.token_ids = {8, 9};
  TokenLogprob logprob;
  logprob.token_id = 8;
  BareProvider llm({ReasoningDelta{"hm"}, ReasoningDelta{"", "[1]"},
                    TextDelta{"Hel", {logprob}}, TextDelta{"lo", {}},
                    ToolCall{"1", "f", "{}"}, end});
  const GenerateResponse response = llm.generate("Hi");
  EXPECT_EQ(response.content, "Hello");
  EXPECT_EQ(response.reasoning, "hm");
  EXPECT_EQ(response.reasoning_replay, "[1]");
  EXPECT_EQ(response.model, "none");
  EXPECT_EQ(response.finish_reason, FinishReason::kToolCalls);
  EXPECT_EQ(response.stop_text, "##");
  EXPECT_EQ(response.tool_calls, (std::vector<ToolCall>{{"1", "f", "{}"}}));
  ASSERT_EQ(response.logprobs.size(), 1U);
  EXPECT_EQ(response.logprobs[0].token_id, 8);
  EXPECT_EQ(response.token_ids, (std::vector<std::int32_t>{8, 9}));
  EXPECT_EQ(response.usage.total_tokens(), 5);
  EXPECT_EQ(response.timings.decode_seconds, 0.5);
}

TEST(Generate, ThrowsWhatTheStreamReportsAsItsClass) {
  BareProvider llm({TextDelta{"a", {}}, Failed{ContextWindowExceededError(
                                            "[x] too long", "shorten")}});
  try {
    llm.generate("Hi");
    FAIL();
  } catch (const ContextWindowExceededError& error) {
    EXPECT_EQ(error.hint(), "shorten");
  }
}

TEST(Generate, RefusesAStreamWithoutExactlyOneEnd) {
  BareProvider endless({TextDelta{"a", {}}});
  EXPECT_THROW(endless.generate("Hi"), InternalError);
  BareProvider twice({Finished{}, Finished{}});
  EXPECT_THROW(twice.generate("Hi"), InternalError);
}

TEST(Generate, OfAPromptIsOneUserMessage) {
  ScriptedProvider llm;
  llm.enqueue("yes");
  GenerationParameters parameters;
  parameters.temperature = 0;
  AbstractLLMInterface& base = llm;
  EXPECT_EQ(base.generate("Really?", parameters).content, "yes");
  const auto requests = llm.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].messages,
            std::vector<Message>{Message::user("Really?")});
  EXPECT_EQ(requests[0].parameters, parameters);
}

TEST(Defaults, AreRefusalsThatNameTheProvider) {
  BareProvider llm({});
  const auto expect_refusal = [](auto&& call) {
    try {
      call();
      FAIL();
    } catch (const UnsupportedOperationError& error) {
      EXPECT_EQ(error.provider(), "bare");
      EXPECT_THAT(error.message(), HasSubstr("bare"));
      EXPECT_FALSE(error.hint().empty());
    }
  };
  expect_refusal([&] { llm.count_tokens({}); });
  expect_refusal([&] { llm.tokenize("a", false); });
  expect_refusal([&] { llm.detokenize({1}); });
  expect_refusal([&] { llm.score({1, 2}); });
  expect_refusal([&] { llm.describe(); });
}

TEST(Scripted, CancelStopsAStreamThatWaits) {
  ScriptedProvider llm;
  Gate gate;
  llm.enqueue(Script().text("one").wait(gate).text("two"));
  Request request;
  request.prompt = "go";
  GenerateResponse response;
  std::thread worker([&] { response = llm.generate(request); });
  gate.wait_until_reached();
  request.cancel.cancel();
  worker.join();
  EXPECT_EQ(response.content, "one");
  EXPECT_EQ(response.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(response.usage.completion_tokens, 1);
}

TEST(Scripted, AGateHoldsTheStreamUntilItOpens) {
  ScriptedProvider llm;
  Gate gate;
  llm.enqueue(Script().text("one").wait(gate).text("two"));
  GenerateResponse response;
  std::thread worker([&] { response = llm.generate("go"); });
  gate.wait_until_reached();
  gate.open();
  worker.join();
  EXPECT_EQ(response.content, "onetwo");
  EXPECT_EQ(response.finish_reason, FinishReason::kStop);
}

TEST(Scripted, ASinkThatReturnsFalseStillGetsTheEnd) {
  ScriptedProvider llm;
  llm.enqueue(Script().text("one").text("two"));
  std::vector<Event> seen;
  llm.stream({}, [&](const Event& event) {
    seen.push_back(event);
    return false;
  });
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(std::get<Finished>(seen[1]).reason, FinishReason::kCancelled);
}

TEST(Scripted, FailsAsScriptedAndWhenTheScriptsAreUsedUp) {
  ScriptedProvider llm;
  llm.enqueue(Script().text("a").fail(MemoryExceededError("[m] full")));
  EXPECT_THROW(llm.generate("Hi"), ResourceExceededError);
  EXPECT_THROW(llm.generate("Hi"), GenerationError);
  EXPECT_EQ(llm.requests().size(), 2U);
}

}  // namespace
}  // namespace abstractllm
