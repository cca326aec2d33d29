// `allm sessions` and `allm chat --session`.
// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "abstractllm/session.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

using Json = nlohmann::json;
using test::Script;

class Sessions : public CliTest {
 protected:
  RunResult chat(const std::string& lines, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"chat", "m", "--session", "tea"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments, lines);
  }
  std::string path(const char* name) { return (folder.path() / name).string(); }
};

TEST_F(Sessions, AChatIsStoredAndGoneOnWith) {
  for (const char* answer : {"Hello.", "Fine.", "Ok."}) model->enqueue(answer);
  EXPECT_EQ(chat("Hi\n", {"--system", "S", "--seed", "1"}).exit_code, 0);
  EXPECT_EQ(chat("How are you?\n").out, "Fine.\n");
  const Request second = model->requests()[1];
  EXPECT_EQ(second.messages.size(), 3u);
  EXPECT_EQ(second.system_prompt, "S");
  EXPECT_EQ(second.parameters.seed, 1u);
  chat("x\n", {"--system", "T", "--top-k", "2"});
  EXPECT_EQ(model->requests()[2].system_prompt, "T");
  EXPECT_EQ(model->requests()[2].parameters.seed, 1u);
  EXPECT_EQ(model->requests()[2].parameters.top_k, 2);
}

TEST_F(Sessions, WithoutTheOptionNothingIsStored) {
  model->enqueue("Hello.");
  run({"chat", "m"}, "Hi\n");
  EXPECT_TRUE(folder.entries().empty());
  for (const char* action : {"list", "search"}) {
    const RunResult result = run({"sessions", action, "--json"});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.out, "[]\n");
  }
  EXPECT_EQ(run({"sessions", "show", "tea"}).exit_code, 15);
  EXPECT_TRUE(folder.entries().empty());
}

TEST_F(Sessions, AreListedShownFoundAndRemoved) {
  model->enqueue("Green tea.");
  chat("What do you drink?\n");
  const RunResult table = run({"sessions", "list"});
  EXPECT_NE(table.out.find("tea          2"), std::string::npos) << table.out;
  const Json list = Json::parse(run({"sessions", "list", "--json"}).out);
  EXPECT_EQ(list[0]["name"], "tea");
  EXPECT_EQ(list[0]["messages"], 2);
  const RunResult shown = run({"sessions", "show", "tea"});
  EXPECT_NE(shown.out.find("## User\n\nWhat do you drink?"), std::string::npos);
  EXPECT_EQ(run({"sessions", "search", "green"}).out,
            "tea [2] assistant: Green tea.\n");
  EXPECT_EQ(run({"sessions", "search", "coffee"}).out, "");
  EXPECT_EQ(run({"sessions", "rm", "tea"}).exit_code, 0);
  EXPECT_EQ(run({"sessions", "rm", "tea"}).exit_code, 15);
}

TEST_F(Sessions, MoveAsJsonAndMarkdown) {
  model->enqueue("Green tea.");
  chat("What do you drink?\n");
  const RunResult exported =
      run({"sessions", "export", "tea", "--output", path("s.json")});
  EXPECT_EQ(exported.out, "");
  const SessionState state = session_from_json(read_file(path("s.json")));
  EXPECT_EQ(run({"sessions", "export", "tea"}).out, read_file(path("s.json")));
  EXPECT_TRUE(run({"sessions", "export", "tea", "--format", "markdown"})
                  .out.starts_with("# tea\n"));
  const RunResult imported =
      run({"sessions", "import", path("s.json"), "--name", "copy"});
  EXPECT_EQ(imported.err, "allm: note: imported 2 messages\n");
  const SessionManager manager(folder.path() / "sessions.db");
  EXPECT_EQ(manager.load("copy").messages, state.messages);
  EXPECT_NE(manager.load("copy").id, state.id);
  EXPECT_EQ(run({"sessions", "import", path("s.json")}).exit_code, 15);
}

TEST_F(Sessions, WrongUseIsSaid) {
  EXPECT_EQ(run({"sessions"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"sessions", "burn"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"sessions", "import"}).exit_code, kExitUsage);
  model->enqueue("a");
  chat("Hi\n");
  EXPECT_EQ(run({"sessions", "show"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"sessions", "list", "x"}).exit_code, kExitUsage);
  const RunResult unknown = run({"sessions", "show", "teas"});
  EXPECT_NE(unknown.err.find("Did you mean 'tea'?"), std::string::npos)
      << unknown.err;
}

TEST_F(Sessions, UndoIsStored) {
  for (int i = 0; i < 2; ++i) model->enqueue("ok");
  chat("one\ntwo\n/undo\n");
  EXPECT_EQ(Json::parse(run({"sessions", "list", "--json"}).out)[0]["messages"],
            2);
}

class ChatTools : public CliTest {};

TEST_F(ChatTools, ABuiltInToolIsCalledAndShownOnStandardError) {
  model->enqueue(
      Script().event(ToolCall{"c", "calculator", R"({"expression": "6*7"})"}));
  model->enqueue("It is 42.");
  const RunResult result = run({"chat", "m", "--tool", "calculator"}, "6*7?\n");
  EXPECT_EQ(result.out, "It is 42.\n");
  EXPECT_EQ(result.err,
            "allm: note: call calculator {\"expression\": \"6*7\"}\n"
            "allm: note: result of calculator: 42\n");
}

TEST_F(ChatTools, ReadingFilesIsRefusedWhereNobodyCanBeAsked) {
  folder.file("a.txt", "tea");
  const auto ask = [&](std::vector<std::string> more) {
    model->enqueue(
        Script().event(ToolCall{"c", "read_file", R"({"path":"a.txt"})"}));
    model->enqueue("done");
    std::vector<std::string> arguments{"chat",        "m",
                                       "--tool",      "read_file",
                                       "--tool-root", folder.path().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    run(arguments, "read\n");
    return std::get<ToolResult>(
        model->requests().back().messages.back().parts[0]);
  };
  EXPECT_TRUE(ask({}).is_error);
  EXPECT_EQ(ask({"--yes"}).output, "tea");
}

TEST_F(ChatTools, WhatCannotBeIsSaidBeforeTheFirstTurn) {
  EXPECT_EQ(run({"chat", "m", "--tool", "rm"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"chat", "m", "--tool", "read_file"}).exit_code, 15);
  EXPECT_EQ(run({"chat", "m", "--mcp", "/no/such/program x"}).exit_code, 19);
  EXPECT_EQ(run({"chat", "m", "--mcp", " "}).exit_code, 15);
  EXPECT_TRUE(opened.empty());
  model->set_capabilities({{ModelCapability::kStreaming}, 0});
  EXPECT_EQ(run({"chat", "m", "--tool", "calculator"}).exit_code, 24);
}

}  // namespace
}  // namespace abstractllm::cli
