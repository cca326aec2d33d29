// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <new>

#include "providers/routing.h"
#include "support/scripted_provider.h"

namespace abstractllm::providers {
namespace {

using test::Script;
using test::ScriptedProvider;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Error passing(std::optional<double> retry_after = {}) {
  Error error(ErrorCode::kProviderApi, "[x] overloaded", "later", "scripted");
  error.set_service({529, "r1", retry_after, true});
  return error;
}

Error lasting() {
  return AuthenticationError("[x] bad key", "key", "scripted");
}

// A world whose time stands still but for what is waited.
struct TestWorld {
  std::shared_ptr<double> now = std::make_shared<double>(0);
  std::shared_ptr<std::vector<double>> waits =
      std::make_shared<std::vector<double>>();
  double chance = 0.5;

  RetryWorld make() const {
    return {.now = [now = now] { return *now; },
            .chance = [chance = chance] { return chance; },
            .wait =
                [now = now, waits = waits](double seconds,
                                           const CancelToken& cancel) {
                  waits->push_back(seconds);
                  *now += seconds;
                  return !cancel.cancelled();
                }};
  }
};

struct Retry : ::testing::Test {
  std::unique_ptr<AbstractLLMInterface> make(const RetryConfig& config = {}) {
    auto owned = std::make_unique<ScriptedProvider>();
    model = owned.get();
    return make_retrying(std::move(owned), config, world.make());
  }

  std::vector<Event> events_of(AbstractLLMInterface& llm,
                               const Request& request = {}) {
    std::vector<Event> events;
    llm.stream(request, [&](const Event& event) {
      events.push_back(event);
      return true;
    });
    return events;
  }

  TestWorld world;
  ScriptedProvider* model = nullptr;
};

TEST_F(Retry, AsksAgainWhatPassesAndSaysSo) {
  const auto llm = make();
  model->enqueue(Script().fail(passing()));
  model->enqueue(Script().fail(passing()));
  model->enqueue("hello");
  const std::vector<Event> events = events_of(*llm);
  ASSERT_EQ(events.size(), 4U);
  const auto& first = std::get<Retrying>(events[0]);
  EXPECT_EQ(first.attempt, 2);
  EXPECT_EQ(first.provider, "scripted");
  EXPECT_EQ(first.error.service().http_status, 529);
  EXPECT_EQ(std::get<Retrying>(events[1]).attempt, 3);
  EXPECT_EQ(std::get<TextDelta>(events[2]).text, "hello");
  EXPECT_TRUE(std::holds_alternative<Finished>(events[3]));
  EXPECT_THAT(*world.waits, ElementsAre(0.5, 1));
}

TEST(Acceptance, A23_RetriesThenCompletesOrIsExhausted) {
  TestWorld world;
  auto owned = std::make_unique<ScriptedProvider>();
  ScriptedProvider* const model = owned.get();
  const auto llm = make_retrying(std::move(owned), {}, world.make());
  std::vector<std::string> seen;
  const auto record = [&](const Event& event) {
    seen.emplace_back(std::holds_alternative<Retrying>(event)    ? "retrying"
                      : std::holds_alternative<TextDelta>(event) ? "text"
                      : std::holds_alternative<Finished>(event)  ? "finished"
                                                                 : "failed");
    return true;
  };
  model->enqueue(Script().fail(passing()));
  model->enqueue("yes");
  llm->stream({}, record);
  EXPECT_THAT(seen, ElementsAre("retrying", "text", "finished"));
  seen.clear();
  for (int i = 0; i < 3; ++i) model->enqueue(Script().fail(passing()));
  llm->stream({}, record);
  EXPECT_THAT(seen, ElementsAre("retrying", "retrying", "failed"));
  EXPECT_EQ(model->requests().size(), 5U);
}

TEST_F(Retry, GivesUpAfterTheLastAttemptWithTheLastError) {
  const auto llm = make({.max_attempts = 2});
  for (int i = 0; i < 3; ++i) model->enqueue(Script().fail(passing()));
  EXPECT_THROW(llm->generate(Request{}), ProviderAPIError);
  EXPECT_EQ(model->requests().size(), 2U);
}

TEST_F(Retry, DoesNotAskAgainForAnErrorThatLasts) {
  const auto llm = make();
  model->enqueue(Script().fail(lasting()));
  EXPECT_THROW(llm->generate(Request{}), AuthenticationError);
  EXPECT_EQ(model->requests().size(), 1U);
}

TEST_F(Retry, DoesNotAskAgainOnceTheAnswerBegan) {
  const auto llm = make();
  model->enqueue(Script().text("half").fail(passing()));
  const std::vector<Event> events = events_of(*llm);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Failed>(events[1]));
  EXPECT_EQ(model->requests().size(), 1U);
}

TEST_F(Retry, TheSameRequestIsSentAgain) {
  const auto llm = make();
  model->enqueue(Script().fail(passing()));
  model->enqueue("yes");
  Request request;
  request.messages = {Message::user("a")};
  llm->generate(request);
  EXPECT_EQ(model->requests()[0].messages, model->requests()[1].messages);
}

TEST_F(Retry, WaitsAsLongAsTheServiceAsksAndNoLongerThanItMay) {
  const auto llm = make({.max_wait = 10});
  model->enqueue(Script().fail(passing(7.0)));
  model->enqueue("yes");
  EXPECT_EQ(llm->generate(Request{}).content, "yes");
  EXPECT_THAT(*world.waits, ElementsAre(7));
  model->enqueue(Script().fail(passing(11.0)));
  EXPECT_THROW(llm->generate(Request{}), ProviderAPIError);
  EXPECT_EQ(world.waits->size(), 1U);
}

TEST_F(Retry, ACancelEndsTheWait) {
  const auto llm = make();
  model->enqueue(Script().fail(passing()));
  Request request;
  std::vector<Event> events;
  llm->stream(request, [&](const Event& event) {
    events.push_back(event);
    if (std::holds_alternative<Retrying>(event)) request.cancel.cancel();
    return true;
  });
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<Finished>(events[1]).reason, FinishReason::kCancelled);
  EXPECT_EQ(model->requests().size(), 1U);
}

TEST_F(Retry, ASinkThatWantsNoMoreEndsItBeforeTheWait) {
  const auto llm = make();
  model->enqueue(Script().fail(passing()));
  std::vector<Event> events;
  llm->stream({}, [&](const Event& event) {
    events.push_back(event);
    return false;
  });
  ASSERT_EQ(events.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<Finished>(events[1]));
  EXPECT_TRUE(world.waits->empty());
}

TEST_F(Retry, WhatASinkThrowsGoesThrough) {
  const auto llm = make();
  model->enqueue("yes");
  EXPECT_THROW(
      llm->stream(
          {}, [](const Event&) -> bool { throw std::runtime_error("sink"); }),
      std::runtime_error);
}

TEST_F(Retry, TheRealWaitEndsWithACancel) {
  const RetryWorld real = RetryWorld::real();
  CancelToken cancel;
  cancel.cancel();
  EXPECT_FALSE(real.wait(1000, cancel));
  EXPECT_TRUE(real.wait(0, CancelToken()));
  EXPECT_GE(real.chance(), 0);
  EXPECT_LT(real.chance(), 1);
  const double before = real.now();
  EXPECT_LE(before, real.now());
}

TEST(RetryWait, GrowsToItsUpperEndAndIsDrawnBelowIt) {
  const RetryConfig config{.max_attempts = 100};
  EXPECT_EQ(retry_wait(config, passing(), 2, 0), 0.0);
  EXPECT_EQ(retry_wait(config, passing(), 2, 0.5), 0.5);
  EXPECT_EQ(retry_wait(config, passing(), 4, 0.5), 2.0);
  EXPECT_EQ(retry_wait(config, passing(), 50, 0.5), 30.0);
  EXPECT_EQ(retry_wait(config, lasting(), 2, 0.5), std::nullopt);
  EXPECT_EQ(retry_wait(config, passing(), 101, 0.5), std::nullopt);
}

TEST(RetryConfig, ThatMakesNoSenseIsRefused) {
  const auto refused = [](const RetryConfig& config) {
    EXPECT_THROW(create_retrying(std::make_unique<ScriptedProvider>(), config),
                 InvalidParameterError);
  };
  refused({.max_attempts = 0});
  refused({.initial_wait = -1});
  refused({.wait_factor = 0.5});
  refused({.max_wait = std::nan("")});
  refused({.breaker_threshold = -1});
  refused({.breaker_recovery = -1});
  refused({.breaker_trials = 0});
}

struct Breaker : Retry {
  Breaker() { model_ = make({.max_attempts = 1}); }
  void fail_once() {
    model->enqueue(Script().fail(passing()));
    EXPECT_THROW(model_->generate(Request{}), ProviderAPIError);
  }
  bool is_asked() {
    const std::size_t before = model->requests().size();
    try {
      model_->generate(Request{});
    } catch (const Error&) {
    }
    return model->requests().size() > before;
  }
  std::unique_ptr<AbstractLLMInterface> model_;
};

TEST_F(Breaker, OpensAfterFailuresInARowAndSaysForHowLong) {
  for (int i = 0; i < 5; ++i) fail_once();
  try {
    model_->generate(Request{});
    FAIL();
  } catch (const ProviderConnectionError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("60 s"));
    EXPECT_EQ(error.service().retry_after, 60.0);
  }
  EXPECT_EQ(model->requests().size(), 5U);
}

TEST_F(Breaker, ASuccessStartsTheCountAfresh) {
  for (int i = 0; i < 4; ++i) fail_once();
  model->enqueue("yes");
  model_->generate(Request{});
  for (int i = 0; i < 4; ++i) fail_once();
  EXPECT_TRUE(is_asked());
}

TEST_F(Breaker, ErrorsOfTheRequestDoNotCount) {
  for (int i = 0; i < 10; ++i) {
    model->enqueue(Script().fail(lasting()));
    EXPECT_THROW(model_->generate(Request{}), AuthenticationError);
  }
  EXPECT_TRUE(is_asked());
}

TEST_F(Breaker, TriesAgainAfterItsTimeAndClosesAfterSuccesses) {
  for (int i = 0; i < 5; ++i) fail_once();
  *world.now += 59;
  EXPECT_FALSE(is_asked());
  *world.now += 2;
  for (int i = 0; i < 3; ++i) {
    model->enqueue("yes");
    EXPECT_EQ(model_->generate(Request{}).content, "yes");
  }
  for (int i = 0; i < 4; ++i) fail_once();
  EXPECT_TRUE(is_asked()) << "closed: four failures do not open it";
}

TEST_F(Breaker, AFailedTrialOpensItAgain) {
  for (int i = 0; i < 5; ++i) fail_once();
  *world.now += 61;
  fail_once();
  EXPECT_FALSE(is_asked());
}

class BadEmbedder : public ScriptedProvider {
 public:
  explicit BadEmbedder(std::function<void()> fail) : fail_(std::move(fail)) {}
  EmbeddingResponse embed(const EmbeddingRequest&) override {
    fail_();
    return {};
  }

 private:
  std::function<void()> fail_;
};

TEST_F(Retry, ACancelWhileItWaitsToEmbedAgainIsACancel) {
  EmbeddingRequest request{.inputs = {"a"}};
  const auto llm = make_retrying(std::make_unique<BadEmbedder>([&] {
                                   request.cancel.cancel();
                                   throw_error(passing());
                                 }),
                                 {}, world.make());
  EXPECT_THROW(llm->embed(request), CancelledError);
}

// Each call of a half-open breaker has to give its place back.
TEST_F(Retry, WhatIsNoErrorOfTheLibraryLeavesTheBreakerAsItWas) {
  bool passes = true;
  const auto llm =
      make_retrying(std::make_unique<BadEmbedder>([&] {
                      if (passes) throw_error(passing());
                      throw std::bad_alloc();
                    }),
                    {.max_attempts = 1, .breaker_threshold = 1}, world.make());
  const EmbeddingRequest request{.inputs = {"a"}};
  EXPECT_THROW(llm->embed(request), ProviderAPIError);
  *world.now += 61;
  passes = false;
  for (int i = 0; i < 10; ++i)
    EXPECT_THROW(llm->embed(request), std::bad_alloc);
}

TEST_F(Breaker, LetsOnlyAFewTrialsThroughAtATime) {
  double now = 0;
  CircuitBreaker breaker({.breaker_threshold = 1}, [&] { return now; });
  breaker.failed();
  now = 61;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(breaker.refuses(), std::nullopt);
  EXPECT_TRUE(breaker.refuses());
  breaker.left();
  EXPECT_EQ(breaker.refuses(), std::nullopt);
  for (int i = 0; i < 3; ++i) breaker.succeeded();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(breaker.refuses(), std::nullopt);
}

}  // namespace
}  // namespace abstractllm::providers
