// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "abstractllm/error.h"
#include "session_fixture.h"
#include "support/http_server.h"

namespace abstractllm {
namespace {

using std::chrono::milliseconds;
using test::HttpServer;
using test::Reply;
using test::SeenRequest;
using Json = nlohmann::json;

McpServer stdio(std::string fault = {}) {
  McpServer server;
  server.command = {MCP_TEST_SERVER};
  if (!fault.empty()) server.command.push_back(std::move(fault));
  return server;
}

std::shared_ptr<ToolRegistry> registry_of(const McpServer& server) {
  auto registry = std::make_shared<ToolRegistry>();
  registry->add_source(connect_mcp(server));
  return registry;
}

ToolResult call(const ToolRegistry& tools, const std::string& name,
                const std::string& arguments = "{}",
                milliseconds timeout = milliseconds(20000)) {
  return tools.run({{"c", name, arguments}}, {.timeout = timeout}).at(0);
}

bool has_children() {
  return ::waitpid(-1, nullptr, WNOHANG) == 0 || errno != ECHILD;
}

template <typename E>
std::string message_of(const McpServer& server) {
  try {
    connect_mcp(server);
  } catch (const E& error) {
    return error.message();
  }
  return "(nothing was thrown)";
}

// Acceptance case A28: list and call tools over stdio.
TEST(AcceptanceA28, ToolsOverStdioAreListedAndCalled) {
  const auto tools = registry_of(stdio());
  const auto definitions = tools->definitions();
  ASSERT_EQ(definitions.size(), 7u);
  EXPECT_EQ(definitions[0].name, "math_add");
  EXPECT_EQ(definitions[0].description, "The tool math.add");
  EXPECT_EQ(call(*tools, "math_add", R"({"a": 2, "b": 3})").output, "5");
  EXPECT_TRUE(call(*tools, "math_add", R"({"a": "x", "b": 3})").is_error);
  EXPECT_EQ(call(*tools, "fail"), (ToolResult{"c", "fail", "it broke", true}));
  EXPECT_EQ(call(*tools, "picture").output,
            "Here:\n[image of type image/png]\nfile:///x");
}

TEST(AcceptanceA28, ASessionUsesThem) {
  const auto model = std::make_shared<ScriptedProvider>();
  model->enqueue(Script().event(ToolCall{"", "math_add", R"({"a":2,"b":3})"}));
  model->enqueue("5");
  Session chat(model, {.tools = registry_of(stdio())});
  EXPECT_EQ(chat.send("2+3?").response.content, "5");
  EXPECT_EQ(std::get<ToolResult>(chat.messages()[2].parts[0]).output, "5");
}

TEST(McpStdio, ServersEndWithTheirSourceAndLeaveNoZombie) {
  for (const char* fault : {"", "stubborn", "noise"}) {
    { registry_of(stdio(fault))->definitions(); }
    EXPECT_FALSE(has_children()) << fault;
  }
}

TEST(McpStdio, OnlyWhatIsGivenOfTheEnvironmentReachesTheServer) {
  ::setenv("SECRET_API_KEY", "sk-1", 1);
  McpServer server = stdio();
  server.environment["GIVEN"] = "yes";
  EXPECT_EQ(call(*registry_of(server), "secret").output, "none,yes");
}

TEST(McpStdio, ACommandThatCannotRunOrEndsIsNamedWithItsLastWords) {
  EXPECT_NE(message_of<ProviderConnectionError>(stdio("exit"))
                .find("has ended: no configuration"),
            std::string::npos);
  McpServer missing;
  missing.command = {"/no/such/program"};
  EXPECT_NE(message_of<ProviderConnectionError>(missing).find("No such file"),
            std::string::npos);
  EXPECT_THROW(connect_mcp({}), InvalidRequestError);
}

TEST(McpStdio, AServerThatDoesNotSpeakOrSpeaksAnotherVersionIsRefused) {
  McpServer silent = stdio("silent");
  silent.timeout = milliseconds(100);
  EXPECT_NE(message_of<RequestTimeoutError>(silent).find("within 100 ms"),
            std::string::npos);
  EXPECT_NE(message_of<ProviderAPIError>(stdio("old")).find("1999-01-01"),
            std::string::npos);
  EXPECT_NE(message_of<ProviderAPIError>(stdio("refuse")).find("not today"),
            std::string::npos);
  EXPECT_FALSE(has_children());
}

TEST(McpStdio, ADeathInACallIsAnErrorResult) {
  const auto tools = registry_of(stdio());
  const ToolResult result = call(*tools, "die");
  EXPECT_TRUE(result.is_error);
  EXPECT_NE(result.output.find("out of tea"), std::string::npos)
      << result.output;
  EXPECT_TRUE(call(*tools, "math_add", R"({"a":1,"b":1})").is_error);
  EXPECT_EQ(tools->definitions().size(), 7u);
}

TEST(McpStdio, ASlowCallIsGivenUp) {
  const auto tools = registry_of(stdio());
  EXPECT_EQ(call(*tools, "slow", "{}", milliseconds(50)).output,
            "the tool did not finish within 50 ms");
  EXPECT_EQ(call(*tools, "math_add", R"({"a":1,"b":1})").output, "2");
}

TEST(McpStdio, ToolsAreAskedForAgainWhenTheyHaveChanged) {
  const auto tools = registry_of(stdio());
  call(*tools, "grow");
  EXPECT_EQ(tools->definitions().size(), 8u);
  EXPECT_EQ(tools->definitions().back().name, "grown");
}

TEST(McpStdio, APrefixAndConfirmationCanBeAskedFor) {
  McpServer server = stdio();
  server.prefix = "x";
  server.needs_confirmation = true;
  const auto tools = registry_of(server);
  EXPECT_EQ(tools->definitions()[0].name, "x_math_add");
  EXPECT_TRUE(call(*tools, "x_math_add", R"({"a":1,"b":1})").is_error);
}

TEST(McpStdio, CallsMayOverlap) {
  const auto tools = registry_of(stdio());
  std::vector<ToolCall> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back({std::to_string(i), "math_add",
                     R"({"a":1000,"b":)" + std::to_string(i) + "}"});
  }
  const auto results = tools->run(calls, {.parallel = 8});
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].output, std::to_string(1000 + i));
  }
}

// A server over HTTP: JSON for some answers, events for others.
class McpHttp : public ::testing::Test {
 protected:
  McpHttp() {
    http.set_handler(
        [this](const SeenRequest& request) { return answer(request); });
  }

  Reply answer(const SeenRequest& request) {
    if (request.method == "GET" && rest) return rest(request);
    if (request.method != "POST") return Reply(200);
    const Json json = Json::parse(request.body);
    if (!json.contains("id")) return Reply(202);
    const std::string method = json["method"];
    Json reply = {{"jsonrpc", "2.0"}, {"id", json["id"]}};
    if (method == "initialize") {
      ++introductions;
      reply["result"] = {{"protocolVersion", "2025-06-18"}};
      return Reply().header("Mcp-Session-Id", "s-1").json(reply.dump());
    }
    if (method == "tools/list") {
      reply["result"] = {{"tools", listed.is_array() ? listed : Json::parse(R"([
               {"name": "add", "inputSchema": {"type": "object"}}])")}};
      return Reply().json(reply.dump());
    }
    if (forgets.exchange(false)) return Reply(404).json("{}");
    if (call_status != 200) return Reply(call_status).json("{}");
    reply["result"] = {{"content", {{{"type", "text"}, {"text", "5"}}}}};
    if (call_reply) return call_reply(reply);
    // Something unasked first, and a stream that stays open after the answer.
    return Reply()
        .sse()
        .chunk(R"(data: {"jsonrpc":"2.0","method":"notifications/message"})"
               "\n\n")
        .chunk("data: " + reply.dump() + "\n\n")
        .hang();
  }

  McpServer server() {
    McpServer server;
    server.url = http.url() + "/mcp";
    server.headers["Authorization"] = "Bearer t";
    return server;
  }

  std::atomic<int> call_status = 200;
  std::atomic<bool> forgets = false;
  std::atomic<int> introductions = 0;
  // Set while no request is under way.
  Json listed;
  std::function<Reply(const Json&)> call_reply;
  std::function<Reply(const SeenRequest&)> rest;
  HttpServer http;
};

TEST_F(McpHttp, A28ToolsOverHttpAreListedAndCalled) {
  {
    const auto tools = registry_of(server());
    EXPECT_EQ(tools->definitions().at(0).name, "add");
    EXPECT_EQ(call(*tools, "add").output, "5");
  }
  const auto requests = http.requests();
  ASSERT_GE(requests.size(), 5u);
  EXPECT_EQ(requests[0].header("Mcp-Session-Id"), "");
  EXPECT_NE(requests[0].header("Accept").find("text/event-stream"),
            std::string::npos);
  for (std::size_t i = 1; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i].header("Mcp-Session-Id"), "s-1") << i;
    EXPECT_EQ(requests[i].header("Authorization"), "Bearer t") << i;
  }
  EXPECT_EQ(requests[2].header("MCP-Protocol-Version"), "2025-06-18");
  EXPECT_EQ(requests.back().method, "DELETE");
}

TEST_F(McpHttp, FaultsAreTypedErrorsAndErrorResults) {
  const auto tools = registry_of(server());
  for (const int status : {401, 404, 500}) {
    call_status = status;
    const ToolResult result = call(*tools, "add");
    EXPECT_TRUE(result.is_error);
    EXPECT_NE(result.output.find(std::to_string(status)), std::string::npos);
    EXPECT_EQ(result.output.find("Bearer"), std::string::npos);
  }
  McpServer closed;
  closed.url = "http://127.0.0.1:" + std::to_string(test::closed_port());
  EXPECT_THROW(connect_mcp(closed), ProviderConnectionError);
  http.set_handler([](const SeenRequest&) { return Reply(401).json("{}"); });
  EXPECT_THROW(connect_mcp(server()), AuthenticationError);
}

TEST_F(McpHttp, WhatTheServerRepeatsOfTheHeadersIsMasked) {
  http.set_handler([](const SeenRequest&) {
    return Reply(500).body("bad header: hush-hush-hush", "text/plain");
  });
  McpServer with_key = server();
  with_key.headers["X-Api-Key"] = "hush-hush-hush";
  EXPECT_EQ(message_of<ProviderAPIError>(with_key).find("hush"),
            std::string::npos);
}

TEST_F(McpHttp, AStreamThatEndsWithoutTheAnswerIsAnError) {
  const auto tools = registry_of(server());
  call_reply = [](const Json&) { return Reply().sse().chunk(": nothing\n\n"); };
  const ToolResult result = call(*tools, "add");
  EXPECT_TRUE(result.is_error);
  EXPECT_NE(result.output.find("ended its answer"), std::string::npos)
      << result.output;
  call_reply = [](const Json&) { return Reply(202); };
  EXPECT_NE(call(*tools, "add").output.find("status 202"), std::string::npos);
  call_reply = [](const Json&) { return Reply().body("<html>", "text/html"); };
  EXPECT_NE(call(*tools, "add").output.find("ended its answer"),
            std::string::npos);
}

TEST_F(McpHttp, ABrokenStreamIsAskedForAgainBehindItsLastEvent) {
  const auto tools = registry_of(server());
  std::string answer;
  call_reply = [&](const Json& reply) {
    answer = reply.dump();
    return Reply().sse().chunk("id: e7\nretry: 1\ndata:\n\n").disconnect();
  };
  rest = [&](const SeenRequest& request) {
    EXPECT_EQ(request.header("Last-Event-ID"), "e7");
    EXPECT_EQ(request.header("Mcp-Session-Id"), "s-1");
    return Reply().sse().chunk("id: e8\ndata: " + answer + "\n\n").hang();
  };
  EXPECT_EQ(call(*tools, "add").output, "5");
}

TEST_F(McpHttp, ACallMayTakeLongerThanTheTimeoutOfOtherRequests) {
  McpServer brief = server();
  brief.timeout = milliseconds(300);
  const auto tools = registry_of(brief);
  call_reply = [](const Json& reply) {
    return Reply()
        .sse()
        .chunk(": wait\n\n")
        .delay(milliseconds(700))
        .chunk("data: " + reply.dump() + "\n\n");
  };
  EXPECT_EQ(call(*tools, "add").output, "5");
}

TEST_F(McpHttp, AServerThatForgotTheSessionIsIntroducedToAnew) {
  const auto tools = registry_of(server());
  forgets = true;
  EXPECT_EQ(call(*tools, "add").output, "5");
  EXPECT_EQ(introductions, 2);
}

TEST_F(McpHttp, OneBadToolDoesNotTakeTheOthersWithIt) {
  listed = Json::parse(R"([
      {"name": "typo", "inputSchema": {"type": "any"}},
      {"name": "add", "inputSchema": {"type": "object"}},
      {"name": "a.b"}, {"name": "a/b"}])");
  const auto definitions = registry_of(server())->definitions();
  ASSERT_EQ(definitions.size(), 2u);
  EXPECT_EQ(definitions[0].name, "add");
  EXPECT_EQ(definitions[1].name, "a_b");
}

}  // namespace
}  // namespace abstractllm
