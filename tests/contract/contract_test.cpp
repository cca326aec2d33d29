// What every provider promises, asked of every provider.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "abstractllm/error.h"
#include "contract/subject.h"

namespace abstractllm::test {
namespace {

struct Seen {
  std::string text;
  std::vector<ToolCall> calls;
  std::vector<Event> events;
  int terminal_events = 0;
  const Finished* finished() const {
    return events.empty() ? nullptr : std::get_if<Finished>(&events.back());
  }
  const Failed* failed() const {
    return events.empty() ? nullptr : std::get_if<Failed>(&events.back());
  }
};

Seen watch(AbstractLLMInterface& llm, const Request& request,
           const std::function<bool(const Event&)>& wants_more = {}) {
  Seen seen;
  llm.stream(request, [&](const Event& event) {
    EXPECT_EQ(seen.terminal_events, 0) << "an event after the terminal one";
    seen.events.push_back(event);
    if (is_terminal(event)) ++seen.terminal_events;
    if (const auto* text = std::get_if<TextDelta>(&event)) {
      seen.text += text->text;
    } else if (const auto* call = std::get_if<ToolCall>(&event)) {
      seen.calls.push_back(*call);
    }
    return !wants_more || wants_more(event);
  });
  EXPECT_EQ(seen.terminal_events, 1);
  return seen;
}

class Contract : public ::testing::TestWithParam<SubjectKind> {
 protected:
  std::unique_ptr<Subject> subject = GetParam().make();
  AbstractLLMInterface& llm = subject->llm();
};

TEST_P(Contract, DeltasConcatenateToTheWholeAndOneTerminalEventEndsThem) {
  subject->say({"Caf\xC3\xA9", " au", " lait"});
  subject->say({"Caf\xC3\xA9", " au", " lait"});
  const Seen seen = watch(llm, subject->request());
  ASSERT_NE(seen.finished(), nullptr);
  EXPECT_GT(seen.events.size(), 2U);
  EXPECT_FALSE(seen.text.empty());
  EXPECT_EQ(llm.generate(subject->request()).content, seen.text);
  if (subject->is_scripted()) {
    EXPECT_EQ(seen.text, "Caf\xC3\xA9 au lait");
  }
}

TEST_P(Contract, UsageCountsPromptAndCompletion) {
  subject->say({"one", "two"});
  const GenerateResponse response = llm.generate(subject->request());
  EXPECT_GT(response.usage.prompt_tokens, 0);
  EXPECT_GT(response.usage.completion_tokens, 0);
  EXPECT_GE(response.usage.prompt_tokens, response.usage.cached_tokens);
  EXPECT_EQ(response.model, llm.model());
}

TEST_P(Contract, ASinkThatWantsNoMoreGetsTheEndAndNothingElse) {
  subject->say({"one", "two", "three"});
  const Seen seen =
      watch(llm, subject->request(), [](const Event&) { return false; });
  ASSERT_EQ(seen.events.size(), 2U);
  EXPECT_EQ(seen.finished()->reason, FinishReason::kCancelled);
}

TEST_P(Contract, ACancelEndsARunningAnswer) {
  Gate gate;
  subject->say_and_wait("one", gate);
  const Request request = subject->request();
  std::thread other;
  const Seen seen = watch(llm, request, [&](const Event&) {
    if (other.joinable()) return true;
    other = std::thread([token = request.cancel]() mutable { token.cancel(); });
    // A model that is no script would be done before the other thread is.
    while (!subject->is_scripted() && !request.cancel.cancelled()) {
      std::this_thread::yield();
    }
    return true;
  });
  other.join();
  gate.open();
  ASSERT_NE(seen.finished(), nullptr);
  EXPECT_EQ(seen.finished()->reason, FinishReason::kCancelled);
  if (subject->is_scripted()) {
    EXPECT_EQ(seen.text, "one");
  }
}

TEST_P(Contract, ACancelBeforeTheStartGivesNoText) {
  subject->say({"one"});
  Request request = subject->request();
  request.cancel.cancel();
  const Seen seen = watch(llm, request);
  EXPECT_EQ(seen.text, "");
  ASSERT_NE(seen.finished(), nullptr);
  EXPECT_EQ(seen.finished()->reason, FinishReason::kCancelled);
}

TEST_P(Contract, WhatASinkThrowsGoesThroughAndTheNextRequestIsAnswered) {
  subject->say({"one"});
  EXPECT_THROW(llm.stream(subject->request(),
                          [](const Event&) -> bool {
                            throw std::runtime_error("sink");
                          }),
               std::runtime_error);
  subject->say({"two"});
  const Seen seen = watch(llm, subject->request());
  EXPECT_NE(seen.finished(), nullptr);
}

TEST_P(Contract, ToolCallsComeWholeOrAreRefused) {
  Request request;
  request.messages = {Message::user("Add")};
  request.tools = {{"add", "Adds.", R"({"type":"object"})"},
                   {"now", "The time.", R"({"type":"object"})"}};
  // A model that is no script calls when it must.
  if (!subject->is_scripted()) {
    request.tool_choice = ToolChoice{ToolChoice::Mode::kRequired};
  }
  subject->call();
  const Seen seen = watch(llm, request);
  if (!llm.capabilities().supports(ModelCapability::kTools)) {
    ASSERT_NE(seen.failed(), nullptr);
    EXPECT_EQ(seen.failed()->error.code(), ErrorCode::kUnsupportedFeature);
    return;
  }
  EXPECT_EQ(seen.finished()->reason, FinishReason::kToolCalls);
  if (!subject->is_scripted()) {
    ASSERT_EQ(seen.calls.size(), 1U);
    EXPECT_THAT(seen.calls[0].name, ::testing::AnyOf("add", "now"));
    EXPECT_FALSE(seen.calls[0].id.empty());
    return;
  }
  EXPECT_EQ(seen.calls, (std::vector<ToolCall>{{"c1", "add", "{\"x\":1}"},
                                               {"c2", "now", "{}"}}));
}

TEST_P(Contract, AnAnswerHasTheFormThatIsAskedFor) {
  if (!llm.capabilities().supports(ModelCapability::kStructuredOutput)) return;
  Request request = subject->request();
  request.response_format = {
      ResponseFormat::Kind::kJsonSchema,
      R"({"type":"object","properties":{"x":{"type":"integer"}},)"
      R"("required":["x"],"additionalProperties":false})"};
  subject->say({"{\"x\"", ":1}"});
  const Seen seen = watch(llm, request);
  ASSERT_NE(seen.finished(), nullptr);
  EXPECT_THAT(seen.text, ::testing::MatchesRegex("\\{\"x\": ?-?[0-9]+\\}"));
}

TEST_P(Contract, ImagesAreTakenOrRefused) {
  Request request;
  request.messages = {
      {Role::kUser,
       {TextPart{"What?"}, ImagePart{.bytes = "\x89PNG\r\n\x1A\nx"}}}};
  subject->say({"a cat"});
  const Seen seen = watch(llm, request);
  const bool has_vision = llm.capabilities().supports(ModelCapability::kVision);
  if (!has_vision && GetParam().name != "scripted") {
    ASSERT_NE(seen.failed(), nullptr);
    EXPECT_EQ(seen.failed()->error.code(), ErrorCode::kUnsupportedFeature);
  } else if (subject->is_scripted()) {
    EXPECT_EQ(seen.text, "a cat");
  }
}

TEST_P(Contract, AFailureIsATerminalEventAndGenerateThrowsItsClass) {
  subject->fail();
  subject->fail();
  if (!subject->is_scripted()) return;
  const Seen seen = watch(llm, subject->request());
  EXPECT_EQ(seen.text, "half");
  ASSERT_NE(seen.failed(), nullptr);
  EXPECT_EQ(seen.failed()->error.provider(), llm.provider());
  EXPECT_TRUE(seen.failed()->error.service().transient);
  EXPECT_THROW(llm.generate(subject->request()), ProviderAPIError);
}

TEST_P(Contract, ABadRequestIsAnEventToo) {
  if (GetParam().name == "scripted") return;  // it answers whatever it is asked
  Request bad = subject->request();
  bad.parameters.temperature = 5;
  Seen seen = watch(llm, bad);
  ASSERT_NE(seen.failed(), nullptr);
  EXPECT_EQ(seen.failed()->error.code(), ErrorCode::kInvalidParameter);
  seen = watch(llm, Request{});
  ASSERT_NE(seen.failed(), nullptr);
  EXPECT_EQ(seen.failed()->error.code(), ErrorCode::kInvalidRequest);
  EXPECT_EQ(seen.failed()->error.provider(), llm.provider());
}

TEST_P(Contract, CallsOfSeveralThreadsEachGetTheirAnswer) {
  constexpr int kThreads = 6;
  constexpr int kRounds = 3;
  for (int i = 0; i < kThreads * kRounds; ++i) subject->say({"a", "b", "c"});
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kRounds; ++j) {
        const GenerateResponse response = llm.generate(subject->request());
        if (!subject->is_scripted() || response.content == "abc") ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads * kRounds);
}

TEST(Acceptance, A4_StreamAndWholeAnswerAreTheSame) {
  for (const auto& kinds : {scripted_subjects(), local_subjects()}) {
    for (const SubjectKind& kind : kinds) {
      SCOPED_TRACE(kind.name);
      const auto subject = kind.make();
      subject->say({"Hel", "lo"});
      subject->say({"Hel", "lo"});
      const Seen seen = watch(subject->llm(), subject->request());
      const GenerateResponse whole =
          subject->llm().generate(subject->request());
      EXPECT_EQ(seen.text, whole.content);
      ASSERT_NE(seen.finished(), nullptr);
      EXPECT_EQ(seen.finished()->reason, whole.finish_reason);
      EXPECT_EQ(seen.finished()->usage.total_tokens(),
                whole.usage.total_tokens());
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<SubjectKind>& kind) {
  return kind.param.name;
}

INSTANTIATE_TEST_SUITE_P(Scripted, Contract,
                         ::testing::ValuesIn(scripted_subjects()), name_of);
INSTANTIATE_TEST_SUITE_P(Local, Contract, ::testing::ValuesIn(local_subjects()),
                         name_of);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Contract);

}  // namespace
}  // namespace abstractllm::test
