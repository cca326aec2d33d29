// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "abstractllm/tool_function.h"

namespace abstractllm {
namespace {

using std::chrono::milliseconds;

Tool add_tool() {
  return make_tool("add", "Adds.", {{"a"}, {"b"}},
                   [](int a, int b) { return a + b; });
}

ToolResult run_one(const ToolRegistry& tools, ToolCall call,
                   const ToolLimits& limits = {},
                   const ConfirmTool& confirm = {}) {
  return tools.run({std::move(call)}, limits, confirm).at(0);
}

// A place where calls meet, so that a test knows how many run at once.
class Meeting {
 public:
  // Waits until `count` are here.
  void arrive(int count) {
    std::unique_lock lock(mutex_);
    ++here_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return here_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int here_ = 0;
};

TEST(ToolRegistry, RunsACallAndKeepsItsIdAndName) {
  ToolRegistry tools;
  tools.add(add_tool());
  EXPECT_EQ(run_one(tools, {"call_1", "add", R"({"a":2,"b":3})"}),
            (ToolResult{"call_1", "add", "5", false}));
}

TEST(ToolRegistry, RefusesBadTools) {
  ToolRegistry tools;
  tools.add(add_tool());
  EXPECT_THROW(tools.add(add_tool()), InvalidRequestError);
  for (const char* name : {"", "a b", "a.b", "\xC3\xA4"}) {
    Tool tool = add_tool();
    tool.definition.name = name;
    EXPECT_THROW(tools.add(tool), InvalidRequestError) << name;
  }
  Tool no_handler = add_tool();
  no_handler.definition.name = "x";
  no_handler.handler = {};
  EXPECT_THROW(tools.add(no_handler), InvalidRequestError);
  Tool no_schema = add_tool();
  no_schema.definition.name = "y";
  no_schema.definition.parameters = R"({"type": 3})";
  EXPECT_THROW(tools.add(no_schema), InvalidRequestError);
  EXPECT_TRUE(tools.remove("add"));
  EXPECT_FALSE(tools.remove("add"));
  EXPECT_TRUE(tools.definitions().empty());
}

// Acceptance case A7: what goes wrong in a call is told to the model.
TEST(AcceptanceA7, AnUnknownToolIsAnErrorThatNamesTheKnownOnes) {
  ToolRegistry tools;
  tools.add(add_tool());
  tools.add(make_tool("now", "", [] { return "noon"; }));
  const ToolResult result = run_one(tools, {"c", "sub", "{}"});
  EXPECT_TRUE(result.is_error);
  EXPECT_EQ(result.output, "there is no tool 'sub'; the tools are: add, now");
}

TEST(AcceptanceA7, ArgumentsThatBreakTheSchemaNameThePlace) {
  ToolRegistry tools;
  tools.add(add_tool());
  std::atomic<int> ran = 0;
  const auto output = [&](std::string arguments) {
    const ToolResult result = run_one(tools, {"c", "add", arguments});
    EXPECT_TRUE(result.is_error) << arguments;
    return result.output;
  };
  EXPECT_NE(output(R"({"a":"x","b":1})").find("at /a: "), std::string::npos);
  EXPECT_NE(output(R"({"a":1})").find("\"b\""), std::string::npos);
  EXPECT_NE(output(R"({"a":1,"b":2,"c":3})").find("'c'"), std::string::npos);
  EXPECT_NE(output("{\"a\":").find("not valid JSON"), std::string::npos);
  EXPECT_NE(output("[1,2]"), "");
  EXPECT_NE(output(""), "");
  EXPECT_EQ(ran, 0);
}

TEST(AcceptanceA7, AnExceptionIsAnErrorResult) {
  ToolRegistry tools;
  tools.add(make_tool("fail", "", []() -> std::string {
    throw std::runtime_error("no such city");
  }));
  tools.add(make_tool("odd", "", []() -> std::string { throw 7; }));
  EXPECT_EQ(run_one(tools, {"c", "fail", ""}),
            (ToolResult{"c", "fail", "no such city", true}));
  EXPECT_TRUE(run_one(tools, {"c", "odd", "null"}).is_error);
}

// Acceptance case A9: a tool that does not end is stopped, and what it returns
// is bounded.
TEST(AcceptanceA9, ACallThatOverrunsItsTimeIsLetGo) {
  const auto seen = std::make_shared<std::atomic<bool>>(false);
  ToolRegistry tools;
  tools.add(make_tool("slow", "", [seen](const ToolContext& context) {
    while (!context.cancel.cancelled()) std::this_thread::yield();
    *seen = true;
  }));
  const ToolResult result =
      run_one(tools, {"c", "slow", ""}, {.timeout = milliseconds(20)});
  EXPECT_TRUE(result.is_error);
  EXPECT_EQ(result.output, "the tool did not finish within 20 ms");
  while (!*seen) std::this_thread::yield();
}

TEST(AcceptanceA9, AToolsOwnTimeOutWins) {
  ToolRegistry tools;
  Tool tool = make_tool("slow", "", [](const ToolContext& context) {
    while (!context.cancel.cancelled()) std::this_thread::yield();
  });
  tool.timeout = milliseconds(7);
  tools.add(tool);
  EXPECT_EQ(run_one(tools, {"c", "slow", ""}).output,
            "the tool did not finish within 7 ms");
}

TEST(AcceptanceA9, OutputIsValidTextOfBoundedSize) {
  ToolRegistry tools;
  tools.add(make_tool("big", "", [] { return std::string(100, 'x'); }));
  tools.add(make_tool("bad", "", [] { return std::string("a\xFF"); }));
  EXPECT_EQ(run_one(tools, {"c", "big", ""}, {.max_output_bytes = 4}).output,
            "xxxx\n[96 bytes are left out]");
  EXPECT_EQ(run_one(tools, {"c", "bad", ""}).output, "a\xEF\xBF\xBD");
}

TEST(ToolRegistry, CallsRunAtOnceAndKeepTheirOrder) {
  const auto meeting = std::make_shared<Meeting>();
  ToolRegistry tools;
  tools.add(make_tool("meet", "", {{"n"}}, [meeting](int n) {
    meeting->arrive(3);
    return n;
  }));
  std::vector<ToolCall> calls;
  for (int n = 0; n < 3; ++n) {
    calls.push_back(
        {std::to_string(n), "meet", R"({"n":)" + std::to_string(n) + "}"});
  }
  const auto results = tools.run(calls, {.parallel = 3});
  for (int n = 0; n < 3; ++n) {
    EXPECT_EQ(results[static_cast<std::size_t>(n)].output, std::to_string(n));
  }
}

TEST(ToolRegistry, NoMoreCallsRunAtOnceThanAllowed) {
  const auto running = std::make_shared<std::atomic<int>>(0);
  const auto most = std::make_shared<std::atomic<int>>(0);
  ToolRegistry tools;
  tools.add(make_tool("count", "", [running, most] {
    const int now = ++*running;
    for (int seen = *most;
         now > seen && !most->compare_exchange_weak(seen, now);)
      ;
    std::this_thread::yield();
    --*running;
  }));
  tools.run(std::vector<ToolCall>(20, ToolCall{"c", "count", ""}),
            {.parallel = 2});
  EXPECT_LE(*most, 2);
  EXPECT_GE(*most, 1);
}

TEST(ToolRegistry, ACancelEndsRunningAndWaitingCalls) {
  CancelToken cancel;
  ToolRegistry tools;
  tools.add(make_tool("wait", "", [cancel](const ToolContext& context) mutable {
    cancel.cancel();
    while (!context.cancel.cancelled()) std::this_thread::yield();
    return "stopped";
  }));
  const auto results = tools.run({{"1", "wait", ""}, {"2", "wait", ""}},
                                 {.parallel = 1}, {}, cancel);
  EXPECT_TRUE(results[1].is_error);
  EXPECT_EQ(results[1].output, "the call was cancelled");
}

TEST(ToolRegistry, ConfirmationIsAskedAndItsAbsenceRefuses) {
  ToolRegistry tools;
  Tool tool = make_tool("rm", "", [] { return "gone"; });
  tool.needs_confirmation = true;
  tools.add(tool);
  tools.add(make_tool("free", "", [] { return "ok"; }));
  const ToolCall call{"c", "rm", "{}"};
  std::vector<ToolCall> asked;
  const auto answer = [&](bool allow) {
    return [&asked, allow](const ToolCall& each) {
      asked.push_back(each);
      return allow;
    };
  };
  EXPECT_EQ(run_one(tools, call, {}, answer(true)).output, "gone");
  EXPECT_TRUE(run_one(tools, call, {}, answer(false)).is_error);
  EXPECT_EQ(run_one(tools, call).output, "the user did not allow this call");
  EXPECT_EQ(run_one(tools, {"c", "free", ""}).output, "ok");
  EXPECT_EQ(asked, (std::vector{call, call}));
}

class TwoTools : public ToolSource {
 public:
  std::vector<Tool> tools() override {
    ++asked;
    return {make_tool("first", "", [] { return 1; }),
            make_tool(second, "", [] { return 2; })};
  }
  int asked = 0;
  std::string second = "second";
};

TEST(ToolRegistry, ASourceIsAskedEachTime) {
  const auto source = std::make_shared<TwoTools>();
  ToolRegistry tools;
  tools.add_source(source);
  EXPECT_EQ(tools.definitions().size(), 2u);
  EXPECT_EQ(run_one(tools, {"c", "second", ""}).output, "2");
  source->second = "renamed";
  EXPECT_TRUE(run_one(tools, {"c", "second", ""}).is_error);
  source->second = "first";
  EXPECT_THROW(tools.definitions(), InvalidRequestError);
}

}  // namespace
}  // namespace abstractllm
