// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>
#include <thread>

#include "abstractllm/error.h"
#include "session_fixture.h"

namespace abstractllm {
namespace {

TEST_F(SessionTest, EachTurnSeesTheTurnsBeforeIt) {
  model->enqueue("Hello.");
  model->enqueue("Fine.");
  Session chat = session();
  chat.set_system_prompt("Be kind.");
  EXPECT_EQ(chat.send("Hi").response.content, "Hello.");
  chat.send("How are you?");
  const Request second = model->requests()[1];
  EXPECT_EQ(second.system_prompt, "Be kind.");
  EXPECT_EQ(second.messages,
            (std::vector{Message::user("Hi"), Message::assistant("Hello."),
                         Message::user("How are you?")}));
  EXPECT_EQ(chat.state().messages[1].model, "script");
  EXPECT_GT(chat.state().messages[1].created_at, 0);
  EXPECT_EQ(chat.state().id.size(), 32u);
}

TEST_F(SessionTest, ACallsParametersLieOverTheSessionsAndStayThere) {
  model->enqueue("a");
  model->enqueue("b");
  Session chat = session();
  GenerationParameters parameters;
  parameters.temperature = 0.5;
  parameters.seed = 1;
  chat.set_parameters(parameters);
  TurnOptions hot;
  hot.parameters.temperature = 1.5;
  chat.send("1", hot);
  chat.send("2");
  EXPECT_EQ(model->requests()[0].parameters.temperature, 1.5);
  EXPECT_EQ(model->requests()[0].parameters.seed, 1u);
  EXPECT_EQ(model->requests()[1].parameters, parameters);
  parameters.temperature = 9;
  EXPECT_THROW(chat.set_parameters(parameters), InvalidParameterError);
  EXPECT_EQ(chat.state().parameters.temperature, 0.5);
}

TEST_F(SessionTest, AFailedTurnLeavesTheConversationAsItWas) {
  model->enqueue("ok");
  model->enqueue(Script().text("half").fail(GenerationError("[m] broke")));
  Session chat = session();
  chat.send("one");
  const SessionState before = chat.state();
  EXPECT_THROW(chat.send("two"), GenerationError);
  EXPECT_EQ(chat.state(), before);
}

TEST_F(SessionTest, ACancelledAnswerIsKeptAsAPart) {
  Gate gate;
  model->enqueue(Script().text("par").wait(gate).text("never"));
  Session chat = session();
  TurnOptions options;
  std::thread other([&] {
    gate.wait_until_reached();
    CancelToken(options.cancel).cancel();
  });
  const Turn turn = chat.send("one", options);
  other.join();
  EXPECT_TRUE(turn.kept);
  EXPECT_EQ(turn.response.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(chat.state().messages[1].finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(chat.state().messages[1].message, Message::assistant("par"));
}

TEST_F(SessionTest, ATurnStoppedBeforeItsFirstWordLeavesNoTrace) {
  Session chat = session();
  TurnOptions options;
  options.cancel.cancel();
  model->enqueue("never");
  EXPECT_FALSE(chat.send("one", options).kept);
  EXPECT_TRUE(chat.state().messages.empty());
}

TEST_F(SessionTest, ASinkThatReturnsFalseCancelsThisTurnAlone) {
  model->enqueue(Script().text("a").text("b"));
  model->enqueue("fine");
  Session chat = session();
  TurnOptions options;
  options.sink = [](const SessionEvent&) { return false; };
  EXPECT_EQ(chat.send("one", options).response.content, "a");
  EXPECT_FALSE(options.cancel.cancelled());
  options.sink = {};
  EXPECT_EQ(chat.send("two", options).response.content, "fine");
}

TEST_F(SessionTest, WhatASinkThrowsReachesTheCallerAndUndoesTheTurn) {
  model->enqueue("a");
  Session chat = session();
  TurnOptions options;
  options.sink = [](const SessionEvent&) -> bool {
    throw std::runtime_error("full");
  };
  EXPECT_THROW(chat.send("one", options), std::runtime_error);
  EXPECT_TRUE(chat.state().messages.empty());
}

TEST_F(SessionTest, ReasoningIsKeptApartFromTheAnswer) {
  model->enqueue(Script().event(ReasoningDelta{"hm"}).text("Yes."));
  model->enqueue("No.");
  Session chat = session();
  EXPECT_EQ(chat.send("one").response.reasoning, "hm");
  chat.send("two");
  EXPECT_EQ(model->requests()[1].messages[1].parts,
            (std::vector<Part>{ReasoningPart{"hm"}, TextPart{"Yes."}}));
}

TEST_F(SessionTest, TheIdsThatAnAnswerEmittedAreHandedBack) {
  Finished finished;
  finished.token_ids = {4, 5, 2};
  model->enqueue(Script().text("Yes.").event(finished));
  model->enqueue("No.");
  Session chat = session();
  chat.send("one");
  chat.send("two");
  EXPECT_EQ(model->requests()[1].messages[1].token_ids,
            (std::vector<std::int32_t>{4, 5, 2}));
}

TEST_F(SessionTest, UndoTakesTheLastTurnBack) {
  for (int i = 0; i < 2; ++i) model->enqueue("ok");
  Session chat = session();
  chat.send("one");
  chat.send("two");
  EXPECT_TRUE(chat.undo());
  EXPECT_EQ(chat.messages(),
            (std::vector{Message::user("one"), Message::assistant("ok")}));
  EXPECT_TRUE(chat.undo());
  EXPECT_FALSE(chat.undo());
}

TEST_F(SessionTest, EditReplacesAMessageAndAnswersAnew) {
  for (const char* answer : {"a", "b", "c"}) model->enqueue(answer);
  Session chat = session();
  chat.send("one");
  chat.send("two");
  EXPECT_EQ(chat.edit(0, "uno").response.content, "c");
  EXPECT_EQ(chat.messages(),
            (std::vector{Message::user("uno"), Message::assistant("c")}));
  EXPECT_THROW(chat.edit(1, "x"), InvalidRequestError);
  EXPECT_THROW(chat.edit(2, "x"), InvalidRequestError);
  const SessionState before = chat.state();
  EXPECT_THROW(chat.edit(0, "no script is left"), GenerationError);
  EXPECT_EQ(chat.state(), before);
}

TEST_F(SessionTest, AForkGoesItsOwnWay) {
  for (const char* answer : {"a", "b", "c"}) model->enqueue(answer);
  Session chat = session();
  chat.send("one");
  chat.send("two");
  Session fork = chat.fork(2);
  EXPECT_NE(fork.state().id, chat.state().id);
  fork.send("three");
  EXPECT_EQ(chat.messages().size(), 4u);
  EXPECT_EQ(fork.messages(),
            (std::vector{Message::user("one"), Message::assistant("a"),
                         Message::user("three"), Message::assistant("c")}));
}

TEST_F(SessionTest, OldTurnsAreLeftOutAndThatIsReported) {
  set_context(40);
  Session chat = session();
  std::vector<ContextChange> changes;
  TurnOptions options;
  options.sink = [&](const SessionEvent& event) {
    if (const auto* change = std::get_if<ContextChange>(&event)) {
      changes.push_back(*change);
    }
    return true;
  };
  for (int i = 0; i < 12; ++i) {
    model->enqueue("one two three");
    const Turn turn = chat.send("four five six", options);
    EXPECT_EQ(turn.context_change.has_value(),
              i > 0 && !changes.empty() && turn.context_change);
  }
  ASSERT_FALSE(changes.empty());
  EXPECT_EQ(changes.back().first_sent, chat.state().first_sent);
  EXPECT_FALSE(changes.back().summarized);
  EXPECT_EQ(chat.state().messages.size(), 24u);
  for (const Request& request : model->requests()) {
    EXPECT_LE(model->count_tokens(request), 30);
    EXPECT_EQ(request.messages.front().role, Role::kUser);
  }
}

TEST_F(SessionTest, NothingIsLeftOutWhereThePolicyRefuses) {
  set_context(8);
  Session chat = session({.context_policy = ContextPolicy::kRefuse});
  for (int i = 0; i < 3; ++i) model->enqueue("one two three");
  model->enqueue(Script().fail(ContextWindowExceededError("[m] too long")));
  for (int i = 0; i < 3; ++i) chat.send("four five six");
  EXPECT_THROW(chat.send("more"), ContextWindowExceededError);
  EXPECT_EQ(model->requests().back().messages.size(), 7u);
}

TEST_F(SessionTest, ASummaryIsSentInThePlaceOfWhatIsLeftOut) {
  set_context(40);
  Session chat = session({.context_policy = ContextPolicy::kSummarize});
  chat.set_system_prompt("Be kind.");
  for (int i = 0; i < 5; ++i) model->enqueue("one two three");
  model->enqueue("They counted.");
  model->enqueue("done");
  for (int i = 0; i < 5; ++i) {
    ASSERT_FALSE(chat.send("four five six").context_change) << i;
  }
  const Turn turn = chat.send("four five six");
  ASSERT_TRUE(turn.context_change);
  EXPECT_TRUE(turn.context_change->summarized);
  EXPECT_EQ(turn.response.content, "done");
  const auto requests = model->requests();
  EXPECT_NE(requests[5].messages[0].text().find("user: four five six"),
            std::string::npos);
  EXPECT_EQ(requests[6].system_prompt,
            "Be kind.\n\nSummary of the conversation so far:\nThey counted.");
  EXPECT_EQ(chat.state().system_prompt, "Be kind.");
}

TEST_F(SessionTest, ATurnCancelledInItsSummaryLeavesNoTrace) {
  set_context(40);
  Session chat = session({.context_policy = ContextPolicy::kSummarize});
  for (int i = 0; i < 5; ++i) model->enqueue("one two three");
  for (int i = 0; i < 5; ++i) chat.send("four five six");
  const SessionState before = chat.state();
  TurnOptions options;
  options.cancel.cancel();
  model->enqueue(Script().finish(FinishReason::kCancelled));
  const Turn turn = chat.send("four five six", options);
  EXPECT_EQ(turn.response.finish_reason, FinishReason::kCancelled);
  EXPECT_FALSE(turn.kept);
  EXPECT_EQ(chat.state(), before);
}

TEST_F(SessionTest, WhatIsTooLongForOneSummaryIsSummarizedByHalves) {
  for (int i = 0; i < 4; ++i) model->enqueue("ok");
  Session chat = session();
  for (const char* text : {"one", "two", "three", "four"}) chat.send(text);
  const auto too_long = [&] {
    model->enqueue(Script().fail(ContextWindowExceededError("[m] too long")));
  };
  too_long();
  model->enqueue("first half");
  model->enqueue("both halves");
  ASSERT_TRUE(chat.compact(1));
  EXPECT_EQ(chat.state().summary, "both halves");
  const auto text_of = [&](std::size_t index) {
    return model->requests().at(index).messages.at(0).text();
  };
  EXPECT_NE(text_of(4).find("three"), std::string::npos);
  EXPECT_EQ(text_of(5).find("three"), std::string::npos);
  EXPECT_NE(text_of(6).find("earlier: first half"), std::string::npos);
  EXPECT_NE(text_of(6).find("three"), std::string::npos);
}

TEST_F(SessionTest, OneMessageTooLongForASummaryIsCut) {
  for (int i = 0; i < 2; ++i) model->enqueue("ok");
  Session chat = session();
  chat.send(std::string(1000, 'x') + "end");
  chat.send("b");
  // Both messages together, then the long one whole, then half of it.
  for (int i = 0; i < 2; ++i) {
    model->enqueue(Script().fail(ContextWindowExceededError("[m] too long")));
  }
  model->enqueue("many x");
  model->enqueue("many x, ok");
  ASSERT_TRUE(chat.compact(1));
  EXPECT_EQ(chat.state().summary, "many x, ok");
  EXPECT_EQ(model->requests().at(4).messages.at(0).text().find("end"),
            std::string::npos);
}

TEST_F(SessionTest, CompactSummarizesAllButTheLatestTurns) {
  for (int i = 0; i < 3; ++i) model->enqueue("ok");
  Session chat = session();
  EXPECT_FALSE(chat.compact());
  for (const char* text : {"one", "two", "three"}) chat.send(text);
  EXPECT_FALSE(chat.compact(3));
  model->enqueue("short");
  const auto change = chat.compact(1);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->first_sent, 4u);
  EXPECT_EQ(change->left_out, 4u);
  model->enqueue("ok");
  chat.send("four");
  EXPECT_EQ(model->requests().back().messages.front(), Message::user("three"));
  EXPECT_EQ(chat.state().messages.size(), 8u);
  const SessionState before = chat.state();
  EXPECT_THROW(chat.compact(1), GenerationError);
  EXPECT_EQ(chat.state(), before);
}

TEST_F(SessionTest, AProviderThatCannotCountSaysThatTheContextIsFull) {
  model->set_capabilities({{ModelCapability::kStreaming}, 0});
  model->enqueue("ok");
  model->enqueue(Script().fail(ContextWindowExceededError("[p] too long")));
  model->enqueue("ok");
  Session chat = session();
  EXPECT_EQ(chat.count_tokens(), std::nullopt);
  chat.send("a");
  const Turn turn = chat.send("b");
  EXPECT_EQ(turn.requests, 1);
  EXPECT_EQ(turn.context_change->left_out, 2u);
  EXPECT_EQ(model->requests()[2].messages, std::vector{Message::user("b")});
}

// Acceptance case A24: what a conversation takes is known before it is sent,
// and used up is summed.
TEST_F(SessionTest, A24TokensAreCountedByTheModel) {
  Session chat = session();
  EXPECT_EQ(chat.count_tokens(), 0);
  model->enqueue("b c");
  model->enqueue("e");
  const Turn turn = chat.send("a");
  EXPECT_EQ(turn.usage.prompt_tokens, 1);
  EXPECT_EQ(chat.count_tokens(), 3);
  chat.send("d");
  EXPECT_EQ(chat.state().usage.prompt_tokens, 1 + 4);
  EXPECT_EQ(chat.state().usage.completion_tokens, 2);
}

TEST_F(SessionTest, EveryChangeIsTold) {
  std::vector<std::pair<std::size_t, std::size_t>> told;
  Session chat = session(
      {.observer = [&](const SessionState& state, std::size_t first_changed) {
        told.emplace_back(first_changed, state.messages.size());
      }});
  model->enqueue("a");
  model->enqueue("b");
  chat.send("one");
  chat.send("two");
  chat.undo();
  chat.set_name("n");
  EXPECT_THROW(chat.send("three"), GenerationError);
  using Told = std::vector<std::pair<std::size_t, std::size_t>>;
  EXPECT_EQ(told, (Told{{0, 2}, {2, 4}, {2, 2}, {2, 2}}));
}

TEST_F(SessionTest, WhatAnObserverThrowsDoesNotUndoTheTurn) {
  model->enqueue("a");
  Session chat = session({.observer = [](const SessionState&, std::size_t) {
    throw FileProcessingError("[store] disk full");
  }});
  EXPECT_THROW(chat.send("one"), FileProcessingError);
  EXPECT_EQ(chat.state().messages.size(), 2u);
}

// Acceptance case A5: what was said in the first turn reaches the second.
TEST_F(SessionTest, A5TheNameOfTheFirstTurnIsInTheSecondPrompt) {
  model->enqueue("Hello Alice.");
  model->enqueue("Alice.");
  Session chat = session();
  chat.send("My name is Alice.");
  chat.send("What is my name?");
  std::string prompt;
  const Request second = model->requests()[1];
  for (const Message& each : second.messages) {
    prompt += each.text() + '\n';
  }
  EXPECT_EQ(prompt, "My name is Alice.\nHello Alice.\nWhat is my name?\n");
}

// Acceptance case A10: another provider goes on with the same messages.
TEST_F(SessionTest, A10ProviderSwitchKeepsTheConversation) {
  Finished finished;
  finished.token_ids = {7};
  model->enqueue(
      Script().event(ReasoningDelta{"hm"}).text("Yes.").event(finished));
  const auto other = std::make_shared<ScriptedProvider>("other");
  other->enqueue("No.");
  Session chat = session();
  chat.send("one");
  chat.switch_provider(other);
  chat.send("two");
  EXPECT_EQ(other->requests()[0].messages,
            (std::vector{Message::user("one"), Message::assistant("Yes."),
                         Message::user("two")}));
  EXPECT_EQ(chat.state().model, "other");
  EXPECT_EQ(chat.state().messages[1].model, "script");
  EXPECT_EQ(chat.state().messages[3].model, "other");
  // And back: what was left out for the other is there again.
  model->enqueue("ok");
  chat.switch_provider(model);
  chat.send("three");
  EXPECT_EQ(model->requests()[1].messages[1].parts.size(), 2u);
  EXPECT_EQ(model->requests()[1].messages[1].token_ids.size(), 1u);
}

TEST_F(SessionTest, A10ToolsBecomeTextForAModelWithoutThem) {
  SessionState state;
  state.messages = {
      said(Message::user("2+3?")),
      said({Role::kAssistant, {ToolCall{"c", "add", "{\"a\":2}"}}}),
      said({Role::kTool, {ToolResult{"c", "add", "5", false}}}),
      said(Message::assistant("5"))};
  model->set_capabilities({{ModelCapability::kStreaming}, 0});
  model->enqueue("ok");
  Session chat = session({}, state);
  chat.send("sure?");
  EXPECT_EQ(model->requests()[0].messages,
            (std::vector{Message::user("2+3?"),
                         Message::assistant("[call of add with {\"a\":2}]"),
                         Message::user("[result of add: 5]"),
                         Message::assistant("5"), Message::user("sure?")}));
  EXPECT_EQ(chat.state().messages[2].message.role, Role::kTool);
}

TEST_F(SessionTest, A10ImagesAreRefusedBeforeTheSwitch) {
  SessionState state;
  state.messages = {said({Role::kUser, {ImagePart{.path = "cat.png"}}}),
                    said(Message::assistant("a cat"))};
  const auto seeing = std::make_shared<ScriptedProvider>("eyes");
  Capabilities can = seeing->capabilities();
  can.supported.insert(ModelCapability::kVision);
  seeing->set_capabilities(can);
  Session chat(seeing, {}, state);
  try {
    chat.switch_provider(model);
    FAIL() << "an image was taken";
  } catch (const UnsupportedFeatureError& error) {
    EXPECT_NE(error.message().find("message 1"), std::string::npos);
  }
  EXPECT_EQ(chat.llm().model(), "eyes");
}

TEST_F(SessionTest, ASessionNeedsAModelAndGoodParameters) {
  EXPECT_THROW(Session(nullptr), InvalidRequestError);
  SessionState state;
  state.parameters.top_p = 3;
  EXPECT_THROW(session({}, state), InvalidParameterError);
}

}  // namespace
}  // namespace abstractllm
