// Who runs, who waits, who gives way.
// SPDX-License-Identifier: Apache-2.0
#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace abstractllm::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kPlenty = 1 << 30;

RequestView waiting(std::size_t needed = 10) {
  return {.pending = 100, .pending_prompt = 100, .kv_needed = needed};
}

RequestView running(std::size_t needed = 10) {
  return {
      .running = true, .pending = 1, .kv_held = needed, .kv_needed = needed};
}

RequestView parked(std::size_t held = 10) {
  return {.parked = true, .pending = 1, .kv_held = held, .kv_needed = held};
}

struct AdmissionCase {
  const char* name;
  SchedulerLimits limits;
  std::vector<RequestView> requests;
  std::vector<std::size_t> kept;
  Admission want;
};

std::vector<AdmissionCase> admission_cases() {
  RequestView slow = running();
  slow.parked = true;
  RequestView back = waiting(30);
  back.kv_held = 20;
  RequestView chat = waiting(90);
  chat.kept_match = 0;
  RequestView twin = chat;
  return {
      {"NothingToDo", {2, kPlenty, 2}, {}, {}, {}},
      {"PlacesGoByArrival",
       {2, kPlenty, 2},
       {waiting(), waiting(), waiting()},
       {},
       {.start = {0, 1}}},
      {"AFreePlaceGoesToTheFirstThatWaits",
       {2, kPlenty, 2},
       {running(), waiting(), waiting()},
       {},
       {.start = {1}}},
      {"NoPlaceIsFree", {1, kPlenty, 2}, {running(), waiting()}, {}, {}},
      {"ASlowReaderGivesUpItsPlace",
       {1, kPlenty, 2},
       {slow, waiting()},
       {},
       {.leave = {0}, .start = {1}}},
      {"AParkedOneIsNotInLine",
       {2, kPlenty, 2},
       {parked(), waiting()},
       {},
       {.start = {1}}},
      {"OneThatCameBackIsBeforeLaterOnes",
       {1, kPlenty, 2},
       {back, waiting()},
       {},
       {.start = {0}}},
      {"WhatDoesNotFitWaits", {4, 100, 2}, {running(60), waiting(50)}, {}, {}},
      {"NobodyOvertakes",
       {4, 100, 2},
       {running(60), waiting(50), waiting(10)},
       {},
       {}},
      {"TheFirstIsStartedWhateverItNeeds",
       {4, 100, 2},
       {waiting(500), waiting(10)},
       {},
       {.start = {0}}},
      {"KeptSequencesGiveWayLongestUnusedFirst",
       {4, 100, 4},
       {running(40), waiting(40)},
       {20, 10, 5},
       {.evict = {0}, .start = {1}}},
      {"OnlyAsManyAsNeeded",
       {4, 100, 4},
       {waiting(80)},
       {10, 10, 10},
       {.evict = {0}, .start = {0}}},
      {"TheSequenceThatIsReusedStays",
       {4, 100, 4},
       {chat},
       {60, 30},
       {.evict = {1}, .start = {0}}},
      {"TwoCannotTakeOverTheSame",
       {4, 100, 4},
       {chat, twin},
       {60},
       {.start = {0}}},
      {"WhatIsHeldIsNotCountedTwice",
       {4, 100, 4},
       {running(70), back},
       {},
       {.start = {1}}},
      {"AParkedOnesCachesGoBeforeARunningOneWaits",
       {4, 100, 4},
       {parked(50), waiting(60)},
       {},
       {.release = {0}, .start = {1}}},
      {"GrowthTakesFromKeptThenIdleThenTheLast",
       {4, 100, 4},
       {running(60), parked(20), running(30), running(30)},
       {10},
       {.release = {1, 3}, .evict = {0}}},
      {"TheFirstThatRunsAlwaysStays",
       {4, 100, 4},
       {running(150), running(30)},
       {},
       {.release = {1}}},
      {"FewerAreKeptThanThereAre",
       {4, kPlenty, 1},
       {},
       {10, 10, 10},
       {.evict = {0, 1}}},
  };
}

class AdmissionTable : public testing::TestWithParam<AdmissionCase> {};

TEST_P(AdmissionTable, Holds) {
  const AdmissionCase& row = GetParam();
  const Admission plan = plan_admission(row.limits, row.requests, row.kept);
  EXPECT_EQ(plan.leave, row.want.leave);
  EXPECT_EQ(plan.release, row.want.release);
  EXPECT_EQ(plan.evict, row.want.evict);
  EXPECT_EQ(plan.start, row.want.start);
}

INSTANTIATE_TEST_SUITE_P(Scheduler, AdmissionTable,
                         testing::ValuesIn(admission_cases()),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

// Applies plans to random lines of requests and looks whether the rules hold.
TEST(Admission, KeepsItsRulesWhateverComes) {
  std::mt19937 random(7);
  const auto draw = [&](unsigned most) { return random() % most; };
  for (int round = 0; round < 3000; ++round) {
    const SchedulerLimits limits{.parallel = 1 + static_cast<int>(draw(5)),
                                 .kv_bytes = 50 + draw(200),
                                 .kept = static_cast<int>(draw(4))};
    std::vector<RequestView> requests;
    for (unsigned i = draw(12); i > 0; --i) {
      const std::size_t held = draw(3) == 0 ? 0 : draw(60);
      requests.push_back({.running = held > 0 && draw(2) == 0,
                          .parked = draw(4) == 0,
                          .pending = 1,
                          .kv_held = held,
                          .kv_needed = held + draw(40)});
    }
    std::vector<std::size_t> kept;
    for (unsigned i = draw(5); i > 0; --i) kept.push_back(draw(50));
    const Admission plan = plan_admission(limits, requests, kept);

    for (const std::size_t i : plan.leave) requests[i].running = false;
    for (const std::size_t i : plan.release) {
      requests[i].running = false;
      requests[i].kv_held = 0;
    }
    for (const std::size_t i : plan.evict) kept[i] = 0;
    for (const std::size_t i : plan.start) {
      ASSERT_FALSE(requests[i].running);
      ASSERT_FALSE(requests[i].parked);
      requests[i].running = true;
    }
    std::size_t used = 0;
    int places = 0;
    bool someone_waits = false;
    for (const RequestView& request : requests) {
      if (!request.running) {
        used += request.kv_held;
        someone_waits = someone_waits || !request.parked;
        continue;
      }
      ASSERT_FALSE(request.parked);
      ++places;
      used += request.kv_needed;
    }
    for (const std::size_t bytes : kept) used += bytes;
    EXPECT_TRUE(places <= 1 || used <= limits.kv_bytes) << "round " << round;
    EXPECT_TRUE(places >= 1 || !someone_waits) << "round " << round;
  }
}

constexpr PromptBudget kBudget{.alone = 250, .beside = 16};

RequestView prompt_of(int tokens) {
  return {.running = true, .pending = tokens, .pending_prompt = tokens};
}

TEST(PlanStep, WithoutRequestsItIsEmpty) {
  EXPECT_THAT(plan_step(kBudget, {}, false).rows, IsEmpty());
  EXPECT_THAT(plan_step(kBudget, {}, true).rows, IsEmpty());
}

TEST(PlanStep, PromptsAndAnswersTakeTurns) {
  const std::vector<RequestView> requests{prompt_of(5), running(),
                                          prompt_of(100), running()};
  const StepPlan prompts = plan_step(kBudget, requests, false);
  EXPECT_TRUE(prompts.prompt);
  EXPECT_THAT(prompts.rows, ElementsAre(PlannedRows{0, 5}, PlannedRows{2, 11}));
  const StepPlan answers = plan_step(kBudget, requests, true);
  EXPECT_FALSE(answers.prompt);
  EXPECT_THAT(answers.rows, ElementsAre(PlannedRows{1, 1}, PlannedRows{3, 1}));
}

TEST(PlanStep, ThereIsNoTurnForNobody) {
  EXPECT_TRUE(plan_step(kBudget, std::vector{prompt_of(5)}, true).prompt);
  EXPECT_FALSE(plan_step(kBudget, std::vector{running()}, false).prompt);
}

TEST(PlanStep, ShortPromptsShareAStep) {
  EXPECT_THAT(plan_step(kBudget,
                        std::vector{prompt_of(100), prompt_of(100),
                                    prompt_of(100), prompt_of(100)},
                        false)
                  .rows,
              ElementsAre(PlannedRows{0, 100}, PlannedRows{1, 100},
                          PlannedRows{2, 50}));
}

TEST(PlanStep, AnAnswerCatchesUpBesideTheOthers) {
  RequestView returned = running();
  returned.pending = 300;
  EXPECT_THAT(
      plan_step(kBudget, std::vector{running(), returned, returned, running()},
                false)
          .rows,
      ElementsAre(PlannedRows{0, 1}, PlannedRows{1, 16}, PlannedRows{2, 1},
                  PlannedRows{3, 1}));
}

TEST(PlanStep, APromptComesBeforeItsAnswer) {
  RequestView returned = prompt_of(40);
  returned.pending = 300;
  EXPECT_THAT(plan_step(kBudget, std::vector{returned}, false).rows,
              ElementsAre(PlannedRows{0, 40}));
}

TEST(PlanStep, WhoHasNoPlaceOrFollowsIsLeftOut) {
  RequestView follower = prompt_of(100);
  follower.follows = true;
  EXPECT_THAT(
      plan_step(kBudget,
                std::vector{waiting(), prompt_of(100), follower, parked()},
                false)
          .rows,
      ElementsAre(PlannedRows{1, 100}));
}

}  // namespace
}  // namespace abstractllm::engine
