// SPDX-License-Identifier: Apache-2.0
#include "abstractllm/observe.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "abstractllm/error.h"
#include "support/scripted_provider.h"
#include "support/temporary_folder.h"

namespace abstractllm {
namespace {

using test::Script;
using test::ScriptedProvider;
using Json = nlohmann::json;

class Observe : public ::testing::Test {
 protected:
  static Request ask(std::string text) {
    Request request;
    request.messages = {Message::user(std::move(text))};
    return request;
  }

  std::vector<Json> lines() const {
    std::ifstream file(trace());
    std::vector<Json> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(Json::parse(line));
    }
    return lines;
  }
  std::filesystem::path trace() const { return folder.path() / "t.jsonl"; }

  std::shared_ptr<ScriptedProvider> model =
      std::make_shared<ScriptedProvider>();
  test::TemporaryFolder folder;
};

// Acceptance case A23: started, retries, first token, ended, in this order.
TEST_F(Observe, A23EventsComeInTheirOrderWithTheirTimes) {
  std::string order;
  double last = 0;
  const auto note = [&](const ObservedMoment& moment, const char* what) {
    EXPECT_GE(moment.seconds, last);
    last = moment.seconds;
    order += std::to_string(moment.request) + what;
  };
  Observer observer;
  observer.started = [&](const ObservedMoment& moment, const Request& request) {
    EXPECT_EQ(request.messages[0].text(), "Hi");
    note(moment, "started ");
  };
  observer.retrying = [&](const ObservedMoment& moment, const Retrying& why) {
    EXPECT_EQ(why.attempt, 2);
    note(moment, "retrying ");
  };
  observer.first_token = [&](const ObservedMoment& moment) {
    note(moment, "first ");
  };
  observer.tool_called = [&](const ObservedMoment& moment, const ToolCall&) {
    note(moment, "tool ");
  };
  observer.ended = [&](const ObservedMoment& moment, const ObservedEnd& end) {
    EXPECT_EQ(end.response.content, "Hello");
    EXPECT_EQ(end.response.finish_reason, FinishReason::kToolCalls);
    EXPECT_EQ(end.retries, 1);
    EXPECT_EQ(end.error, nullptr);
    note(moment, "ended ");
  };
  const auto watched = observe(model, observer);
  model->enqueue(Script()
                     .event(Retrying{ProviderAPIError("503"), 2, 0, "x"})
                     .text("Hel")
                     .text("lo")
                     .event(ToolCall{"c", "f", "{}"}));
  EXPECT_EQ(watched->generate(ask("Hi")).content, "Hello");
  EXPECT_EQ(order, "1started 1retrying 1first 1tool 1ended ");
}

TEST_F(Observe, AFailureIsAnEndWithItsError) {
  std::string seen;
  Observer observer;
  observer.ended = [&](const ObservedMoment&, const ObservedEnd& end) {
    ASSERT_NE(end.error, nullptr);
    seen = end.error->message() + "|" + end.response.content;
  };
  model->enqueue(Script().text("half").fail(GenerationError("[m] broke")));
  EXPECT_THROW(observe(model, observer)->generate(ask("Hi")), GenerationError);
  EXPECT_EQ(seen, "[m] broke|half");
}

TEST_F(Observe, ASinkThatThrowsEndsItsRequest) {
  int ends = 0;
  Observer observer;
  observer.ended = [&](const ObservedMoment&, const ObservedEnd& end) {
    ++ends;
    ASSERT_NE(end.error, nullptr);
    EXPECT_EQ(end.error->message(), "full");
    EXPECT_EQ(end.response.content, "a");
  };
  model->enqueue("a");
  EXPECT_THROW(observe(model, observer)
                   ->stream(ask("Hi"),
                            [](const Event&) -> bool {
                              throw std::runtime_error("full");
                            }),
               std::runtime_error);
  EXPECT_EQ(ends, 1);
}

TEST_F(Observe, WhatAnObserverThrowsGoesNoFurther) {
  Observer observer;
  observer.started = [](const ObservedMoment&, const Request&) {
    throw std::runtime_error("x");
  };
  observer.ended = [](const ObservedMoment&, const ObservedEnd&) { throw 1; };
  model->enqueue("ok");
  EXPECT_EQ(observe(model, observer)->generate(ask("Hi")).content, "ok");
}

TEST_F(Observe, TheModelIsOtherwiseTheSame) {
  const auto watched = observe(model, {});
  EXPECT_EQ(watched->provider(), "scripted");
  EXPECT_EQ(watched->model(), "script");
  EXPECT_EQ(watched->capabilities().context_length, 4096);
  EXPECT_EQ(watched->count_tokens(ask("a b")), 2);
  EXPECT_EQ(watched->tokenize("ab", false).size(), 2u);
  EXPECT_EQ(watched->detokenize({97}), "a");
  EXPECT_EQ(watched->score({1, 2}).tokens, 1);
  EXPECT_FALSE(watched->describe().empty());
}

TEST_F(Observe, ATraceHasSizesAloneUnlessAskedForTexts) {
  const auto watched = observe(model, trace_to_file(trace(), *model));
  model->enqueue("a secret answer");
  watched->generate(ask("a secret question"));
  ProviderAPIError quoting("[m] 500: your secret question");
  quoting.set_service({.http_status = 500, .request_id = "r1"});
  model->enqueue(Script().fail(quoting));
  EXPECT_THROW(watched->generate(ask("x")), ProviderAPIError);
  const auto all = lines();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].dump().find("secret"), std::string::npos);
  EXPECT_EQ(all[0]["messages"][0]["text_bytes"], 17);
  EXPECT_EQ(all[0]["answer_bytes"], 15);
  EXPECT_EQ(all[0]["usage"]["prompt_tokens"], 3);
  EXPECT_EQ(all[0]["finish_reason"], "stop");
  EXPECT_EQ(all[1].dump().find("secret"), std::string::npos);
  EXPECT_EQ(all[1]["error"]["name"], "ProviderAPIError");
  EXPECT_EQ(all[1]["error"]["http_status"], 500);
  EXPECT_EQ(all[1]["error"]["request_id"], "r1");
  struct stat status {};
  ASSERT_EQ(::stat(trace().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

// Acceptance case A9: keys are masked and images left out.
TEST_F(Observe, A9ATraceWithTextsMasksKeysAndLeavesImagesOut) {
  const auto watched =
      observe(model, trace_to_file(trace(), *model, {.texts = true}));
  model->enqueue("ok");
  Request request = ask("My key is sk-abcdefgh12345678.");
  request.messages[0].parts.push_back(
      ImagePart{.bytes = std::string(5000, '\x89')});
  watched->generate(request);
  EXPECT_EQ(lines()[0]["messages"][0]["text"],
            "My key is sk-***[image, 5000 bytes]");
  EXPECT_EQ(lines()[0]["answer"], "ok");
}

TEST_F(Observe, LinesOfSeveralThreadsDoNotMix) {
  const auto watched = observe(model, trace_to_file(trace(), *model));
  for (int i = 0; i < 40; ++i) model->enqueue("ok");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) watched->generate(ask("Hi"));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lines().size(), 40u);
}

TEST_F(Observe, ATraceThatCannotBeOpenedIsAnError) {
  EXPECT_THROW(trace_to_file(folder.path() / "no/t.jsonl", *model),
               FileProcessingError);
}

TEST(RedactSecrets, MasksWhatLooksLikeOne) {
  const std::pair<const char*, const char*> cases[] = {
      {"sk-abcdefgh12345678", "sk-***"},
      {"x=ghp_0123456789abcdef, y", "x=ghp_***, y"},
      {"Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ***"},
      {"\"api_key\": \"0123456789\"", "\"api_key\": \"***\""},
      {"API_KEY=0123456789 b", "API_KEY=*** b"},
      {"password = hunter2hunter2", "password = ***"},
      {"DB_PASSWORD=secret12 x", "DB_PASSWORD=*** x"},
      {"export OPENAI_API_KEY=0123456789abcdef01;",
       "export OPENAI_API_KEY=***;"},
      {"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG",
       "AWS_SECRET_ACCESS_KEY=***"},
      {"password: p@ss!word", "password: ***"},
      {R"({"db.password":"a b","n":1})", R"({"db.password":"***","n":1})"},
      {R"({\"client_secret\": \"x y\"})", R"({\"client_secret\": \"***\"})"},
      {"token=0123456789", "token=***"},
      {"postgres://me:hunter2@db/x", "postgres://me:***@db/x"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(redact_secrets(text), expected);
  }
  for (const char* plain :
       {"", "the secret of tea", "ask-a-question-here", "a password is needed",
        "max_tokens: 4000000000", "a foreign_key: id", "http://host:8080/a@b",
        "sk-8", "task-abcdefgh12345678", "2+2=4 and bearers of news"}) {
    EXPECT_EQ(redact_secrets(plain), plain);
  }
}

}  // namespace
}  // namespace abstractllm
