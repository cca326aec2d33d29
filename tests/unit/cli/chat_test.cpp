// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "abstractllm/error.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

using test::Gate;
using test::Script;

class Chat : public CliTest {
 protected:
  // Feeds the lines and returns what came.
  RunResult chat(const std::string& lines, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"chat", "m"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments, lines);
  }
  std::string path(const char* name) { return (folder.path() / name).string(); }
};

TEST_F(Chat, EachTurnSeesTheTurnsBeforeIt) {
  model->enqueue("Hello.");
  model->enqueue("Fine.");
  const RunResult result = chat("Hi\n\nHow are you?\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "Hello.\nFine.\n");
  EXPECT_EQ(result.err, "");
  const auto requests = model->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].messages, std::vector{Message::user("Hi")});
  EXPECT_EQ(requests[1].messages,
            (std::vector{Message::user("Hi"), Message::assistant("Hello."),
                         Message::user("How are you?")}));
}

TEST_F(Chat, ALastLineWithoutItsBreakIsATurn) {
  model->enqueue("a");
  chat("Hi");
  EXPECT_EQ(only_request().messages[0].text(), "Hi");
}

TEST_F(Chat, AFailedTurnLeavesNoTraceAndTheSessionLives) {
  model->enqueue(Script().text("half").fail(GenerationError("[m] broke", "h")));
  model->enqueue("Fine.");
  const RunResult result = chat("one\ntwo\n");
  EXPECT_EQ(result.out, "half\nFine.\n");
  EXPECT_EQ(result.err, "allm: error: [m] broke\nhint: h\n");
  EXPECT_EQ(result.exit_code, 21);
  EXPECT_EQ(model->requests()[1].messages, std::vector{Message::user("two")});
}

TEST_F(Chat, CtrlCStopsTheAnswerAndNotTheProgram) {
  Gate gate;
  model->enqueue(Script().text("partial").wait(gate).text("never"));
  model->enqueue("Fine.");
  std::thread keyboard([&] {
    gate.wait_until_reached();
    ::kill(::getpid(), SIGINT);
  });
  const RunResult result = chat("one\ntwo\n");
  keyboard.join();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "partial\nFine.\n");
  EXPECT_EQ(model->requests()[1].messages[1], Message::assistant("partial"));
}

TEST_F(Chat, ATurnStoppedBeforeItsFirstWordLeavesNoTrace) {
  Gate gate;
  model->enqueue(Script().wait(gate));
  model->enqueue("Fine.");
  std::thread keyboard([&] {
    gate.wait_until_reached();
    ::kill(::getpid(), SIGINT);
  });
  chat("one\ntwo\n");
  keyboard.join();
  EXPECT_EQ(model->requests()[1].messages, std::vector{Message::user("two")});
}

TEST_F(Chat, SeveralLinesAreOneMessage) {
  for (int i = 0; i < 4; ++i) model->enqueue("ok");
  chat(
      "\"\"\"\nfirst\n\nsecond\n\"\"\"\n"
      "\"\"\"inline\"\"\"\n"
      "one \\\ntwo\n"
      "\"\"\"not closed\n/exit");
  const auto requests = model->requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[0].messages.back().text(), "first\n\nsecond");
  EXPECT_EQ(requests[1].messages.back().text(), "inline");
  EXPECT_EQ(requests[2].messages.back().text(), "one \ntwo");
  EXPECT_EQ(requests[3].messages.back().text(), "not closed\n/exit");
}

TEST_F(Chat, SystemPromptIsSetAndTakenBack) {
  for (int i = 0; i < 3; ++i) model->enqueue("ok");
  const RunResult result =
      chat("a\n/system Be kind.\nb\n/system\nc\n", {"--system", "Be brief."});
  EXPECT_EQ(result.out, "ok\nok\nok\n");
  EXPECT_EQ(model->requests()[0].system_prompt, "Be brief.");
  EXPECT_EQ(model->requests()[1].system_prompt, "Be kind.");
  EXPECT_EQ(model->requests()[2].system_prompt, std::nullopt);
}

TEST_F(Chat, ParametersAreSetAndTakenBack) {
  for (int i = 0; i < 2; ++i) model->enqueue("ok");
  chat("/set top-k 5\n/set temperature 0.2\na\n/set temperature default\nb\n",
       {"--seed", "3"});
  GenerationParameters expected;
  expected.seed = 3;
  expected.top_k = 5;
  EXPECT_EQ(model->requests()[1].parameters, expected);
  expected.temperature = 0.2;
  EXPECT_EQ(model->requests()[0].parameters, expected);
}

TEST_F(Chat, ABadSettingChangesNothing) {
  model->enqueue("ok");
  const RunResult result =
      chat("/set temperature 9\n/set warmth 1\n/set top_k\n/set\na\n");
  EXPECT_EQ(only_request().parameters, GenerationParameters{});
  EXPECT_EQ(result.exit_code, 16);
  EXPECT_NE(result.err.find("[0, 2]"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("warmth"), std::string::npos);
  EXPECT_NE(result.err.find("/set needs a name and a value"),
            std::string::npos);
}

TEST_F(Chat, ClearForgetsTheMessagesAlone) {
  for (int i = 0; i < 2; ++i) model->enqueue("ok");
  chat("a\n/clear\nb\n", {"--system", "S", "--seed", "1"});
  EXPECT_EQ(model->requests()[1].messages, std::vector{Message::user("b")});
  EXPECT_EQ(model->requests()[1].system_prompt, "S");
  EXPECT_EQ(model->requests()[1].parameters.seed, 1u);
}

TEST_F(Chat, UnknownCommandsAreNotSentAndNameTheNearest) {
  const RunResult result = chat("/sytem x\n/exit now\nnot reached\n");
  EXPECT_TRUE(model->requests().empty());
  EXPECT_NE(result.err.find("unknown command '/sytem'\nhint: Did you mean "
                            "'/system'?"),
            std::string::npos)
      << result.err;
  EXPECT_EQ(result.exit_code, 15);
}

TEST_F(Chat, TwoSlashesSendOne) {
  model->enqueue("ok");
  chat("//etc is what?\n");
  EXPECT_EQ(only_request().messages[0].text(), "/etc is what?");
}

TEST_F(Chat, ALineThatIsNotUtf8IsRefusedAlone) {
  model->enqueue("ok");
  const RunResult result = chat("ab\xFF\nfine\n");
  EXPECT_EQ(only_request().messages[0].text(), "fine");
  EXPECT_EQ(result.exit_code, 15);
  EXPECT_NE(result.err.find("offset 2"), std::string::npos);
}

TEST_F(Chat, HelpListsEveryCommandAndShowTheSettings) {
  const RunResult result = chat("/help\n/set top_p 0.5\n/show\n");
  EXPECT_EQ(result.out, "");
  for (const char* name : {"/system", "/clear", "/save", "/load", "/set",
                           "/show", "/help", "/exit"}) {
    EXPECT_NE(result.err.find(name), std::string::npos) << name;
  }
  EXPECT_NE(result.err.find("\"top_p\":0.5"), std::string::npos) << result.err;
}

TEST_F(Chat, WhatIsSavedCanBeLoadedAndRun) {
  for (int i = 0; i < 3; ++i) model->enqueue("answer");
  const RunResult saved =
      chat("question\n/set top_k 7\n/save " + path("c.json") + "\n",
           {"--system", "S"});
  EXPECT_EQ(saved.exit_code, 0);
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"c.json"});

  chat("/load " + path("c.json") + "\nnext\n");
  const Request next = model->requests()[1];
  EXPECT_EQ(next.system_prompt, "S");
  EXPECT_EQ(next.parameters.top_k, 7);
  EXPECT_EQ(next.messages,
            (std::vector{Message::user("question"),
                         Message::assistant("answer"), Message::user("next")}));

  run({"run", "m", "--messages", path("c.json"), "more"});
  EXPECT_EQ(model->requests()[2].messages.size(), 3u);
}

TEST_F(Chat, LoadAtTheStartGoesOn) {
  model->enqueue("ok");
  const std::string file =
      folder.file("c.json", R"([{"role": "user", "content": "1"},
                                {"role": "assistant", "content": "2"}])");
  chat("3\n", {"--load", file});
  EXPECT_EQ(only_request().messages.size(), 3u);
  EXPECT_EQ(chat("3\n", {"--load", path("none")}).exit_code, 27);
  EXPECT_EQ(opened.size(), 1u);
}

TEST_F(Chat, AFileThatCannotBeLoadedLeavesTheConversation) {
  for (int i = 0; i < 2; ++i) model->enqueue("ok");
  const std::string bad = folder.file("bad.json", R"([{"role": "robot"}])");
  const RunResult result =
      chat("a\n/load " + bad + "\n/load " + path("none") + "\n/load\nb\n");
  EXPECT_EQ(model->requests()[1].messages.size(), 3u);
  EXPECT_EQ(result.exit_code, 15);
}

TEST_F(Chat, AFullDiskWhileSavingIsAnErrorAndNotTheEnd) {
  model->enqueue("ok");
  model->enqueue("ok");
  const RunResult result = chat("a\n/save /dev/full\nb\n");
  EXPECT_EQ(result.out, "ok\nok\n");
  EXPECT_EQ(result.exit_code, 27);
  EXPECT_NE(result.err.find("No space left on device"), std::string::npos);
}

TEST_F(Chat, OldTurnsAreLeftOutWhenTheContextIsFull) {
  Capabilities can = model->capabilities();
  can.context_length = 40;  // words
  model->set_capabilities(can);
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    model->enqueue("one two three");
    lines += "four five six\n";
  }
  const RunResult result = chat(lines + "/save " + path("all.json") + "\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.err.find("no longer sent"), std::string::npos);
  for (const Request& request : model->requests()) {
    EXPECT_LE(model->count_tokens(request), 30);
    EXPECT_EQ(request.messages.front().role, Role::kUser);
  }
  // Nothing that was said is lost to /save.
  EXPECT_EQ(
      nlohmann::json::parse(read_file(path("all.json")))["messages"].size(),
      24u);
}

TEST_F(Chat, AProviderThatCannotCountSaysThatTheContextIsFull) {
  model->set_capabilities({{ModelCapability::kStreaming}, 0});
  model->enqueue("ok");
  model->enqueue(Script().fail(ContextWindowExceededError("[p] too long")));
  model->enqueue("ok");
  const RunResult result = chat("a\nb\n");
  EXPECT_EQ(result.out, "ok\nok\n");
  EXPECT_EQ(model->requests()[2].messages, std::vector{Message::user("b")});

  model->enqueue(Script().fail(ContextWindowExceededError("[p] too long")));
  EXPECT_EQ(chat("alone\n").exit_code, 17);
}

TEST_F(Chat, ThreeHundredTurns) {
  std::string lines;
  for (int i = 0; i < 300; ++i) {
    model->enqueue("answer");
    lines += "question\n";
  }
  EXPECT_EQ(chat(lines).exit_code, 0);
  EXPECT_EQ(model->requests().size(), 300u);
  EXPECT_EQ(model->requests().back().messages.size(), 599u);
}

TEST_F(Chat, VerboseReportsEachTurn) {
  model->enqueue("ok");
  EXPECT_NE(chat("a\n", {"--verbose"}).err.find("first token after"),
            std::string::npos);
}

TEST_F(Chat, AReaderThatGoesAwayEndsItQuietly) {
  model->enqueue("12345");
  out_failure = StringOutput::Failure::kBrokenPipe;
  const RunResult result = chat("a\nb\n");
  EXPECT_EQ(result.exit_code, kExitBrokenPipe);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace abstractllm::cli
