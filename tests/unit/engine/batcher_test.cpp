// Requests that are computed together: the same tokens, ends, and failures.
// SPDX-License-Identifier: Apache-2.0
#include "engine/batcher.h"

#include <chrono>

#include "batcher_fixture.h"
#include "ops/kernel_clock.h"

namespace abstractllm::engine::test {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(BatcherTest, WithoutRequestsThereIsNothingToDo) {
  make({});
  EXPECT_EQ(batcher_->step(), Batcher::Progress::kIdle);
  EXPECT_THAT(model_.steps, IsEmpty());
}

TEST_F(BatcherTest, OneStepServesAllThatDecode) {
  make({});
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i)
    clients.push_back(submit(range(10 * i, 5 + i), 20));
  steps(1);
  EXPECT_THAT(model_.steps.back(), ElementsAre(5, 6, 7, 8, 9, 10, 11, 12));
  steps(18);
  EXPECT_THAT(model_.steps.back(), ElementsAre(1, 1, 1, 1, 1, 1, 1, 1));
  steps(1);
  EXPECT_EQ(batcher_->step(), Batcher::Progress::kIdle);
  for (Client& client : clients) {
    client.read(21);
    expect_answered(client, 20);
  }
  EXPECT_THAT(model_.steps, SizeIs(20));
}

TEST_F(BatcherTest, TimingsSayWhereDecodingGoes) {
  using std::chrono::milliseconds;
  ops::KernelClock clock;
  batcher_.emplace(
      model_,
      BatcherOptions{.limits = {.parallel = 1, .kv_bytes = 1 << 30, .kept = 0},
                     .prefill_chunk = 64,
                     .kernels = &clock});
  Client client = submit(range(1, 9), 3);
  clock.add(milliseconds(500));
  steps(1);  // the prompt and the first token, which are not decoding
  clock.add(milliseconds(20));
  steps(1);
  clock.add(milliseconds(10));
  steps(1);
  client.read(4);
  expect_answered(client, 3);
  const Timings& timings = client.end->timings;
  EXPECT_DOUBLE_EQ(timings.decode_kernel_seconds, 0.53 - 0.5);
  EXPECT_GT(timings.decode_build_seconds, 0);
  EXPECT_GT(timings.decode_sampling_seconds, 0);
  EXPECT_LE(timings.decode_build_seconds + timings.decode_sampling_seconds,
            timings.decode_seconds);
}

TEST_F(BatcherTest, RequestsJoinAndLeaveInMidFlight) {
  make({.parallel = 3});
  Client first = submit(range(1, 40), 30);
  steps(5);
  Client second = submit(range(2, 3), 4);
  steps(2);
  Client third = submit(range(3, 60), 50);
  Client fourth = submit(range(4, 7), 50);
  steps(1);
  EXPECT_EQ(batcher_->waiting(), 1);
  finish({&first, &second, &third, &fourth});
  expect_answered(first, 30);
  expect_answered(second, 4);
  expect_answered(third, 50);
  expect_answered(fourth, 50);
  EXPECT_EQ(widest(), 3);
}

TEST_F(BatcherTest, PlacesGoByArrival) {
  make({.parallel = 1});
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(submit(range(7 * i, 4), 3));
  for (std::size_t served = 0; served < clients.size(); ++served) {
    steps(3);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      EXPECT_EQ(clients[i].channel->size(), i <= served ? 4u : 0u);
    }
  }
}

TEST_F(BatcherTest, APromptIsCutSoThatStreamsGoOn) {
  make({.prefill_chunk = 16});
  Client stream = submit(range(1, 4), 60);
  steps(2);
  Client prompt = submit(range(2, 100), 5);
  for (int i = 0; i < 7; ++i) {
    const std::size_t before = stream.channel->size();
    steps(2);
    EXPECT_EQ(stream.channel->size(), before + 1);
    EXPECT_THAT(model_.steps[model_.steps.size() - 2],
                ElementsAre(i < 6 ? 16 : 4));
  }
  EXPECT_EQ(prompt.channel->size(), 2u);
  EXPECT_THAT(model_.steps.back(), ElementsAre(1, 1));
  finish({&stream, &prompt});
  expect_answered(stream, 60);
  expect_answered(prompt, 5);
}

TEST_F(BatcherTest, AStepHasPromptsOrAnswers) {
  make({.prefill_chunk = 16});
  Client first = submit(range(1, 20), 30);
  Client second = submit(range(2, 90), 30);
  finish({&first, &second});
  expect_answered(first, 30);
  expect_answered(second, 30);
  ASSERT_EQ(model_.prompt_steps.size(), model_.steps.size());
  for (std::size_t i = 0; i < model_.steps.size(); ++i) {
    if (!model_.prompt_steps[i]) {
      EXPECT_THAT(model_.steps[i], Each(1));
    }
  }
  EXPECT_EQ(
      std::count(model_.prompt_steps.begin(), model_.prompt_steps.end(), true),
      7);
}

TEST_F(BatcherTest, CancelsAtEveryStage) {
  make({.parallel = 2, .prefill_chunk = 16});
  Client decoding = submit(range(1, 10), 50);
  Client prompt = submit(range(2, 100), 50);
  Client waiting = submit(range(3, 10), 50);
  Client other = submit(range(4, 10), 50);
  steps(4);
  EXPECT_EQ(batcher_->waiting(), 2);
  for (Client* client : {&decoding, &prompt, &waiting}) {
    client->cancel.cancel();
  }
  steps(1);
  EXPECT_THAT(model_.steps.back(), ElementsAre(10))
      << "others are gone at once";
  finish({&decoding, &prompt, &waiting, &other});
  expect_answered(other, 50);
  for (const Client* client : {&decoding, &prompt, &waiting}) {
    ASSERT_TRUE(client->end.has_value());
    EXPECT_EQ(client->end->reason, FinishReason::kCancelled);
    EXPECT_FALSE(client->end->error.has_value());
  }
  EXPECT_EQ(decoding.end->usage.completion_tokens, 3);
  EXPECT_EQ(prompt.end->usage.completion_tokens, 0);
  EXPECT_GT(waiting.end->timings.queue_seconds, 0);
}

TEST_F(BatcherTest, AReaderThatLeavesCancels) {
  make({});
  Client leaver = submit(range(1, 10), 500);
  Client other = submit(range(2, 10), 50);
  steps(2);
  leaver.channel->close();
  finish({&leaver, &other});
  EXPECT_EQ(leaver.end->usage.completion_tokens, 2);
  expect_answered(other, 50);
}

TEST_F(BatcherTest, ASlowReaderStopsOnlyItself) {
  make({.parallel = 2});
  Client slow = submit(range(1, 10), 300);
  Client other = submit(range(2, 10), 300);
  Client third = submit(range(3, 10), 100);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(batcher_->step(), Batcher::Progress::kStepped);
    drain({&other, &third});
  }
  EXPECT_EQ(slow.channel->size(), TokenChannel::kCapacity);
  EXPECT_EQ(other.ids.size(), 199u) << "but for the third one's prompt";
  expect_answered(third, 100);
  finish({&slow, &other, &third});
  expect_answered(slow, 300);
  expect_answered(other, 300);
}

TEST_F(BatcherTest, WhereAllReadersAreSlowItIsBlocked) {
  make({.parallel = 2});
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(submit(range(i, 3), 100));
  while (batcher_->step() == Batcher::Progress::kStepped) {
  }
  EXPECT_EQ(batcher_->step(), Batcher::Progress::kBlocked);
  for (const Client& client : clients) {
    EXPECT_EQ(client.channel->size(), TokenChannel::kCapacity);
  }
  clients[1].cancel.cancel();
  clients[3].read(40);
  EXPECT_EQ(batcher_->step(), Batcher::Progress::kStepped);
  std::vector<Client*> all;
  for (Client& client : clients) all.push_back(&client);
  finish(all);
  for (const std::size_t i : {0, 2, 3, 4}) expect_answered(clients[i], 100);
  EXPECT_EQ(clients[1].end->reason, FinishReason::kCancelled);
}

TEST_F(BatcherTest, AnExceptionEndsThoseOfItsStep) {
  for (const std::int32_t poison :
       {CountingModel::kThrowsEarly, CountingModel::kThrowsLate}) {
    make({});
    Client healthy = submit(range(1, 10), 40);
    steps(3);
    Ids prompt = range(2, 10);
    prompt.push_back(poison);
    Client bad = submit(prompt, 5);
    Client beside = submit(range(3, 10), 5);
    steps(1);
    Client later = submit(range(4, 10), 40);
    finish({&healthy, &bad, &beside, &later});
    for (const Client* client : {&bad, &beside}) {
      ASSERT_TRUE(client->end && client->end->error);
      EXPECT_EQ(client->end->error->code(), ErrorCode::kGeneration);
      EXPECT_THAT(client->end->error->message(), HasSubstr("thrown"));
      EXPECT_THAT(client->ids, IsEmpty());
    }
    expect_answered(healthy, 40);
    expect_answered(later, 40);
  }
}

TEST_F(BatcherTest, WithoutMemoryForCachesAllFailAndItGoesOn) {
  make({});
  Client running = submit(range(1, 10), 40);
  steps(3);
  model_.cache_fails = true;
  Client next = submit(range(2, 10), 5);
  steps(1);
  model_.cache_fails = false;
  Client later = submit(range(3, 10), 40);
  finish({&running, &next, &later});
  for (const Client* client : {&running, &next}) {
    ASSERT_TRUE(client->end && client->end->error);
    EXPECT_THAT(client->end->error->message(), HasSubstr("bad_alloc"));
  }
  expect_answered(later, 40);
}

TEST_F(BatcherTest, LogitsThatAreNoNumbersEndTheirRequestOnly) {
  make({});
  Client healthy = submit(range(1, 10), 40);
  Ids prompt = range(2, 10);
  prompt.push_back(CountingModel::kNotANumber);
  Client bad = submit(prompt, 5);
  finish({&healthy, &bad});
  expect_answered(healthy, 40);
  ASSERT_TRUE(bad.end && bad.end->error);
  EXPECT_EQ(bad.end->error->code(), ErrorCode::kGeneration);
  // Its caches are no prefix for anybody.
  prompt.pop_back();
  Client again = submit(prompt, 10);
  finish({&again});
  expect_answered(again, 10);
  EXPECT_EQ(again.end->usage.cached_tokens, 0);
}

TEST_F(BatcherTest, ManyThreadsSampleAsOneDoes) {
  ops::cpu::ThreadPool pool({.threads = 3});
  std::vector<Ids> answers[2];
  for (const bool parallel : {false, true}) {
    batcher_.emplace(
        model_, BatcherOptions{
                    .limits = {.parallel = 6, .kv_bytes = 1 << 30, .kept = 0},
                    .prefill_chunk = 64,
                    .pool = parallel ? &pool : nullptr});
    std::vector<Client> clients;
    for (int i = 0; i < 6; ++i) {
      clients.push_back(submit(range(i, 9), 30,
                               {.temperature = 2,
                                .top_k = 50,
                                .seed = static_cast<std::uint64_t>(i)}));
    }
    std::vector<Client*> all;
    for (Client& client : clients) all.push_back(&client);
    finish(all);
    for (const Client& client : clients) {
      answers[parallel ? 1 : 0].push_back(client.ids);
    }
  }
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_THAT(answers[0], Each(SizeIs(30)));
}

TEST_F(BatcherTest, CancelAllEndsEverything) {
  make({.parallel = 1});
  Client running = submit(range(1, 10), 50);
  Client waiting = submit(range(2, 10), 50);
  steps(2);
  batcher_->cancel_all();
  drain({&running, &waiting});
  EXPECT_EQ(running.end->reason, FinishReason::kCancelled);
  EXPECT_EQ(waiting.end->reason, FinishReason::kCancelled);
  EXPECT_EQ(batcher_->step(), Batcher::Progress::kIdle);
}

TEST_F(BatcherTest, ClocksOfARequestAddUp) {
  make({.parallel = 1});
  Client first = submit(range(1, 10), 20);
  Client second = submit(range(2, 10), 20);
  finish({&first, &second});
  const Timings& timings = second.end->timings;
  EXPECT_GT(timings.queue_seconds, first.end->timings.prefill_seconds +
                                       first.end->timings.decode_seconds);
  EXPECT_GT(timings.prefill_seconds, 0);
  EXPECT_GT(timings.decode_seconds, 0);
  EXPECT_DOUBLE_EQ(timings.time_to_first_token_seconds,
                   timings.queue_seconds + timings.prefill_seconds);
}

}  // namespace
}  // namespace abstractllm::engine::test
