// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <thread>

#include "abstractllm/error.h"
#include "abstractllm/tool_function.h"
#include "session_fixture.h"

namespace abstractllm {
namespace {

class SessionTools : public SessionTest {
 protected:
  SessionTools() {
    tools->add(make_tool("add", "Adds.", {{"a"}, {"b"}},
                         [](int a, int b) { return a + b; }));
  }
  static ToolCall add(int a, int b, std::string id = {}) {
    return {
        std::move(id), "add",
        R"({"a":)" + std::to_string(a) + R"(,"b":)" + std::to_string(b) + "}"};
  }
  Session with_tools(ToolLimits limits = {}) {
    return session({.tools = tools, .tool_limits = limits});
  }
  static const ToolResult& result(const Session& chat, std::size_t message,
                                  std::size_t part = 0) {
    return std::get<ToolResult>(
        chat.state().messages.at(message).message.parts.at(part));
  }

  std::shared_ptr<ToolRegistry> tools = std::make_shared<ToolRegistry>();
};

// Acceptance case A6: the tool loop with a scripted provider.
TEST_F(SessionTools, A6TheLoopCallsTheToolAndGivesTheAnswer) {
  model->enqueue(Script().event(add(2, 3)));
  model->enqueue("5");
  Session chat = with_tools();
  chat.set_system_prompt("You can add.");
  const Turn turn = chat.send("2+3?");
  EXPECT_EQ(turn.response.content, "5");
  EXPECT_EQ(turn.requests, 2);
  EXPECT_EQ(turn.tool_calls, 1);
  EXPECT_EQ(roles(chat), (std::vector{Role::kUser, Role::kAssistant,
                                      Role::kTool, Role::kAssistant}));
  EXPECT_EQ(result(chat, 2).output, "5");
  const auto requests = model->requests();
  EXPECT_EQ(requests[0].tools, tools->definitions());
  EXPECT_EQ(requests[1].system_prompt, "You can add.");
  EXPECT_EQ(requests[1].messages.size(), 3u);
  EXPECT_EQ(requests[1].messages[2].role, Role::kTool);
}

TEST_F(SessionTools, ACallWithoutAnIdGetsOne) {
  model->enqueue(
      Script().event(add(1, 1)).event(add(2, 2)).event(add(3, 3, "mine")));
  model->enqueue("ok");
  Session chat = with_tools();
  chat.send("go");
  const auto& parts = chat.state().messages[1].message.parts;
  ASSERT_EQ(parts.size(), 3u);
  const std::string first = std::get<ToolCall>(parts[0]).id;
  EXPECT_EQ(first.size(), 13u);
  EXPECT_TRUE(first.starts_with("call_"));
  EXPECT_EQ(first.find_first_not_of("0123456789abcdef", 5), std::string::npos);
  EXPECT_NE(std::get<ToolCall>(parts[1]).id, first);
  EXPECT_EQ(std::get<ToolCall>(parts[2]).id, "mine");
  EXPECT_EQ(result(chat, 2, 0).tool_call_id, first);
  EXPECT_EQ(result(chat, 2, 2).output, "6");
}

TEST_F(SessionTools, A7ErrorsGoBackToTheModel) {
  model->enqueue(Script()
                     .event(ToolCall{"1", "sub", "{}"})
                     .event(ToolCall{"2", "add", "{}"}));
  model->enqueue("sorry");
  Session chat = with_tools();
  EXPECT_EQ(chat.send("go").response.content, "sorry");
  EXPECT_TRUE(result(chat, 2, 0).is_error);
  EXPECT_NE(result(chat, 2, 0).output.find("the tools are: add"),
            std::string::npos);
  EXPECT_TRUE(result(chat, 2, 1).is_error);
}

TEST_F(SessionTools, A7TheLimitStopsTheLoop) {
  for (int i = 0; i < 3; ++i) {
    model->enqueue(Script().text("t").event(add(i, i)).event(add(i, 1)));
  }
  Session chat = with_tools({.max_calls = 3});
  const Turn turn = chat.send("go");
  EXPECT_TRUE(turn.tool_limit_reached);
  EXPECT_EQ(turn.tool_calls, 3);
  EXPECT_EQ(turn.requests, 3);
  EXPECT_EQ(result(chat, 4, 0).output, "2");
  EXPECT_NE(result(chat, 4, 1).output.find("limit of 3"), std::string::npos);
  const auto requests = model->requests();
  EXPECT_EQ(requests[1].tool_choice, std::nullopt);
  EXPECT_EQ(requests[2].tool_choice, (ToolChoice{ToolChoice::Mode::kNone, {}}));
  // Calls that nothing answered are not kept.
  EXPECT_EQ(chat.messages().back(), Message::assistant("t"));
}

TEST_F(SessionTools, A7TheLimitIsTwentyFiveUnlessSet) {
  for (int i = 0; i < 26; ++i) model->enqueue(Script().event(add(i, i)));
  model->enqueue("enough");
  Session chat = with_tools();
  const Turn turn = chat.send("go");
  EXPECT_EQ(turn.tool_calls, 25);
  EXPECT_EQ(turn.response.content, "enough");
}

TEST_F(SessionTools, AFailureAfterAToolUndoesTheWholeTurn) {
  model->enqueue("hello");
  model->enqueue(Script().event(add(2, 3)));
  model->enqueue(Script().fail(ProviderAPIError("[m] 500")));
  Session chat = with_tools();
  chat.send("hi");
  const SessionState before = chat.state();
  EXPECT_THROW(chat.send("2+3?"), ProviderAPIError);
  EXPECT_EQ(chat.state(), before);
}

TEST_F(SessionTools, ACancelDuringAToolKeepsAValidConversation) {
  TurnOptions options;
  tools->add(make_tool(
      "stop", "", [token = options.cancel](const ToolContext& context) mutable {
        token.cancel();
        while (!context.cancel.cancelled()) std::this_thread::yield();
        return "late";
      }));
  model->enqueue(Script().event(ToolCall{"c", "stop", ""}));
  Session chat = with_tools();
  const Turn turn = chat.send("go", options);
  EXPECT_EQ(turn.response.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(roles(chat),
            (std::vector{Role::kUser, Role::kAssistant, Role::kTool}));
  EXPECT_EQ(model->requests().size(), 1u);
  model->enqueue("ok");
  EXPECT_EQ(chat.send("again").response.content, "ok");
}

TEST_F(SessionTools, CallsOfACancelledAnswerAreNotKept) {
  Gate gate;
  TurnOptions options;
  model->enqueue(Script().text("so").event(add(1, 1)).wait(gate));
  Session chat = with_tools();
  std::thread other([&] {
    gate.wait_until_reached();
    CancelToken(options.cancel).cancel();
  });
  chat.send("go", options);
  other.join();
  EXPECT_EQ(chat.messages().back(), Message::assistant("so"));
}

TEST_F(SessionTools, EventsComeInTheirOrder) {
  model->enqueue(Script().text("Let me see.").event(add(2, 3, "c")));
  model->enqueue("5");
  Session chat = with_tools();
  TurnOptions options;
  std::string order;
  options.sink = [&](const SessionEvent& event) {
    if (const auto* text = std::get_if<TextDelta>(&event)) order += text->text;
    if (std::get_if<ToolCall>(&event)) order += "|call";
    if (const auto* result = std::get_if<ToolResult>(&event)) {
      order += "|" + result->output + "|";
      EXPECT_GT(result->seconds, 0);
    }
    return true;
  };
  chat.send("2+3?", options);
  EXPECT_EQ(order, "Let me see.|call|5|5");
}

TEST_F(SessionTools, ASinkThatLeavesAtACallStopsItBeforeItRuns) {
  std::atomic<int> ran = 0;
  tools->add(make_tool("once", "", [&ran] { ++ran; }));
  model->enqueue(Script().event(ToolCall{"c", "once", ""}));
  Session chat = with_tools();
  TurnOptions options;
  options.sink = [](const SessionEvent&) { return false; };
  const Turn turn = chat.send("go", options);
  EXPECT_EQ(turn.response.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(ran, 0);
  EXPECT_TRUE(result(chat, 2).is_error);
}

TEST_F(SessionTools, WithoutARegistryCallsAreTheCallers) {
  model->enqueue(Script().event(add(2, 3, "c")));
  model->enqueue("5");
  Session chat = session();
  EXPECT_TRUE(chat.send("2+3?").response.has_tool_calls());
  chat.send(Message{Role::kTool, {ToolResult{"c", "add", "5", false}}});
  EXPECT_EQ(model->requests()[1].messages.size(), 3u);
}

TEST_F(SessionTools, AModelWithoutToolsIsOfferedNone) {
  model->set_capabilities({{ModelCapability::kStreaming}, 0});
  model->enqueue("no");
  Session chat = with_tools();
  chat.send("2+3?");
  EXPECT_TRUE(model->requests()[0].tools.empty());
}

TEST_F(SessionTools, TheToolChoiceIsThatOfTheFirstRequest) {
  model->enqueue(Script().event(add(2, 3)));
  model->enqueue("5");
  Session chat = with_tools();
  TurnOptions options;
  options.tool_choice = ToolChoice{ToolChoice::Mode::kRequired, {}};
  chat.send("2+3?", options);
  EXPECT_EQ(model->requests()[0].tool_choice, options.tool_choice);
  EXPECT_EQ(model->requests()[1].tool_choice, std::nullopt);
}

}  // namespace
}  // namespace abstractllm
