// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "abstractllm/error.h"
#include "abstractllm/routing.h"
#include "support/scripted_provider.h"

namespace abstractllm {
namespace {

using test::Gate;
using test::Script;
using test::ScriptedProvider;

struct ChainTest : ::testing::Test {
  std::vector<std::unique_ptr<AbstractLLMInterface>> members(int count) {
    std::vector<std::unique_ptr<AbstractLLMInterface>> list;
    for (int i = 0; i < count; ++i) {
      auto owned = std::make_unique<ScriptedProvider>("m" + std::to_string(i));
      models.push_back(owned.get());
      list.push_back(std::move(owned));
    }
    return list;
  }
  std::vector<std::size_t> counts() const {
    std::vector<std::size_t> list;
    for (const ScriptedProvider* model : models) {
      list.push_back(model->requests().size());
    }
    return list;
  }
  std::vector<ScriptedProvider*> models;
};

using Counts = std::vector<std::size_t>;

TEST_F(ChainTest, TheNextIsAskedWhereOneCannot) {
  const auto llm = create_fallback(members(3));
  models[0]->enqueue(Script().fail(AuthenticationError("[a] key")));
  models[1]->enqueue(Script().fail(ProviderConnectionError("[b] down")));
  models[2]->enqueue("hello");
  std::vector<Event> events;
  llm->stream({}, [&](const Event& event) {
    events.push_back(event);
    return true;
  });
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(std::get<Retrying>(events[0]).error.code(),
            ErrorCode::kAuthentication);
  EXPECT_EQ(std::get<Retrying>(events[1]).attempt, 3);
  EXPECT_EQ(std::get<TextDelta>(events[2]).text, "hello");
  EXPECT_EQ(llm->provider(), "fallback");
  EXPECT_EQ(llm->model(), "scripted/m0,scripted/m1,scripted/m2");
}

TEST_F(ChainTest, AnErrorOfTheRequestEndsIt) {
  const auto llm = create_fallback(members(2));
  models[0]->enqueue(Script().fail(InvalidRequestError("[a] no")));
  EXPECT_THROW(llm->generate(Request{}), InvalidRequestError);
  EXPECT_EQ(counts(), (Counts{1, 0}));
}

TEST_F(ChainTest, AnAnswerThatBeganIsNotGivenAgain) {
  const auto llm = create_fallback(members(2));
  models[0]->enqueue(
      Script().text("half").fail(ProviderConnectionError("[a] broke")));
  EXPECT_THROW(llm->generate(Request{}), ProviderConnectionError);
  EXPECT_EQ(counts(), (Counts{1, 0}));
}

TEST_F(ChainTest, TheLastErrorIsTheOneThatIsReported) {
  const auto llm = create_fallback(members(2));
  models[0]->enqueue(Script().fail(AuthenticationError("[a] key")));
  models[1]->enqueue(Script().fail(ModelNotFoundError("[b] none")));
  EXPECT_THROW(llm->generate(Request{}), ModelNotFoundError);
}

TEST_F(ChainTest, AChainHasWhatAllItsMembersHave) {
  auto list = members(2);
  models[0]->set_capabilities(
      {{ModelCapability::kTools, ModelCapability::kVision}, 100});
  models[1]->set_capabilities({{ModelCapability::kTools}, 50});
  const auto llm = create_fallback(std::move(list));
  EXPECT_EQ(llm->capabilities().supported,
            std::set<ModelCapability>{ModelCapability::kTools});
  EXPECT_EQ(llm->capabilities().context_length, 50);
}

TEST_F(ChainTest, RoundRobinTakesTurns) {
  const auto llm =
      create_load_balanced(members(3), BalancingStrategy::kRoundRobin);
  for (int i = 0; i < 6; ++i) {
    models[i % 3]->enqueue("x");
    llm->generate(Request{});
  }
  EXPECT_EQ(counts(), (Counts{2, 2, 2}));
}

TEST_F(ChainTest, TheLeastBusyIsAskedAndTiesTakeTurns) {
  const auto llm = create_load_balanced(members(2));
  Gate gate;
  models[0]->enqueue(Script().text("a").wait(gate));
  std::thread slow([&] { llm->generate(Request{}); });
  gate.wait_until_reached();
  for (int i = 0; i < 3; ++i) {
    models[1]->enqueue("x");
    llm->generate(Request{});
  }
  EXPECT_EQ(counts(), (Counts{1, 3}));
  gate.open();
  slow.join();
  models[0]->enqueue("x");
  models[1]->enqueue("x");
  llm->generate(Request{});
  llm->generate(Request{});
  EXPECT_EQ(counts(), (Counts{2, 4}));
}

TEST_F(ChainTest, ABalancedRequestGoesOnToTheNextMember) {
  const auto llm =
      create_load_balanced(members(2), BalancingStrategy::kRoundRobin);
  models[0]->enqueue(Script().fail(ProviderConnectionError("[a] down")));
  models[1]->enqueue("x");
  EXPECT_EQ(llm->generate(Request{}).content, "x");
}

TEST_F(ChainTest, AChainOfNobodyIsRefused) {
  EXPECT_THROW(create_fallback({}), InvalidRequestError);
  EXPECT_THROW(create_load_balanced({}), InvalidRequestError);
  std::vector<std::unique_ptr<AbstractLLMInterface>> empty(1);
  EXPECT_THROW(create_fallback(std::move(empty)), InvalidRequestError);
}

TEST_F(ChainTest, RetriesWithinAChainComeBeforeTheNextMember) {
  auto list = members(2);
  std::vector<std::unique_ptr<AbstractLLMInterface>> chain;
  chain.push_back(create_retrying(std::move(list[0]),
                                  {.max_attempts = 2, .initial_wait = 0}));
  chain.push_back(std::move(list[1]));
  const auto llm = create_fallback(std::move(chain));
  Error passing(ErrorCode::kProviderApi, "[a] busy");
  passing.set_service({.transient = true});
  models[0]->enqueue(Script().fail(passing));
  models[0]->enqueue(Script().fail(passing));
  models[1]->enqueue("x");
  EXPECT_EQ(llm->generate(Request{}).content, "x");
  EXPECT_EQ(counts(), (Counts{2, 1}));
}

}  // namespace
}  // namespace abstractllm
