// Memory of caches: shared prefixes, waiting, giving way; and a long random
// run. SPDX-License-Identifier: Apache-2.0
#include <random>

#include "batcher_fixture.h"
#include "engine/batcher.h"

namespace abstractllm::engine::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Caches of CountingModel take whole steps of 256 positions.
constexpr std::size_t kStepBytes = 256 * CountingModel::kPositionBytes;

class BatcherPrefix : public BatcherTest {
 protected:
  // A prompt and its whole answer, alone.
  Client ask(Ids prompt, int max_tokens) {
    Client client = submit(std::move(prompt), max_tokens);
    finish({&client});
    expect_answered(client, max_tokens);
    return client;
  }

  static Ids joined(const Ids& a, const Ids& b) {
    Ids ids = a;
    ids.insert(ids.end(), b.begin(), b.end());
    return ids;
  }
};

TEST_F(BatcherPrefix, TheNextTurnOfAChatIsAnExtension) {
  make({});
  const Client turn = ask(range(1, 30), 20);
  EXPECT_EQ(turn.end->usage.cached_tokens, 0);
  const Ids history = joined(turn.prompt, turn.ids);
  model_.steps.clear();
  const Client next = ask(joined(history, range(5, 8)), 10);
  // The last token of an answer was never computed.
  EXPECT_EQ(next.end->usage.cached_tokens, 49);
  EXPECT_THAT(model_.steps.front(), ElementsAre(9));
}

TEST_F(BatcherPrefix, ChatsThatTakeTurnsKeepTheirOwn) {
  make({.parallel = 3});
  std::vector<Ids> histories{range(1, 100), range(2, 100), range(3, 100)};
  for (int turn = 0; turn < 4; ++turn) {
    for (Ids& history : histories) {
      const Client client = ask(history, 30);
      if (turn > 0) {
        EXPECT_EQ(client.end->usage.cached_tokens,
                  static_cast<int>(history.size()) - 6);
      }
      history = joined(joined(history, client.ids), range(turn, 5));
    }
  }
}

TEST_F(BatcherPrefix, ANewChatCopiesWhatItShares) {
  make({});
  const Ids system = range(1, 60);
  const Client chat = ask(joined(system, range(5, 100)), 30);
  const Client other = ask(joined(system, range(7, 20)), 10);
  EXPECT_EQ(other.end->usage.cached_tokens, 60);
  const Client next =
      ask(joined(joined(chat.prompt, chat.ids), range(9, 4)), 10);
  EXPECT_EQ(next.end->usage.cached_tokens, 189) << "the first chat is whole";
}

TEST_F(BatcherPrefix, AFewTokensInCommonDestroyNoChat) {
  make({});
  const Client chat = ask(range(1, 200), 5);
  Ids prompt = range(1, 3);
  prompt.push_back(70);
  EXPECT_EQ(ask(prompt, 5).end->usage.cached_tokens, 0);
  EXPECT_EQ(ask(joined(chat.prompt, chat.ids), 5).end->usage.cached_tokens,
            204);
}

TEST_F(BatcherPrefix, RequestsOfOneMomentComputeWhatTheyShareOnce) {
  make({.prefill_chunk = 64});
  const Ids system = range(1, 200);
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(submit(joined(system, range(20 + i, 10)), 12));
  }
  std::vector<Client*> all;
  for (Client& client : clients) all.push_back(&client);
  finish(all);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    expect_answered(clients[i], 12);
    EXPECT_EQ(clients[i].end->usage.cached_tokens, i == 0 ? 0 : 200);
  }
  int rows = 0;
  for (const auto& step : model_.steps) {
    for (const int count : step) rows += count;
  }
  EXPECT_EQ(rows, 210 + 5 * 10 + 6 * 11);
}

TEST_F(BatcherPrefix, AFollowerGoesOnWhenItsLeaderIsCancelled) {
  make({.prefill_chunk = 32});
  const Ids system = range(1, 200);
  Client leader = submit(joined(system, range(3, 5)), 5);
  Client follower = submit(joined(system, range(4, 5)), 5);
  steps(3);
  EXPECT_THAT(model_.steps.back(), ElementsAre(32));
  leader.cancel.cancel();
  finish({&leader, &follower});
  expect_answered(follower, 5);
  EXPECT_EQ(follower.end->usage.cached_tokens, 96) << "what the leader left";
}

class BatcherMemory : public BatcherTest {};

TEST_F(BatcherMemory, RequestsThatDoNotFitWait) {
  // Each needs two steps of the cache: a prompt and room for an answer.
  make({.parallel = 8, .kv_bytes = 4 * kStepBytes});
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(submit(range(i, 200), 60));
  std::vector<Client*> all;
  for (Client& client : clients) all.push_back(&client);
  finish(all);
  for (const Client& client : clients) expect_answered(client, 60);
  EXPECT_EQ(widest(), 2);
}

TEST_F(BatcherMemory, WhoOutgrowsItTakesFromTheLast) {
  make({.parallel = 4, .kv_bytes = 8 * kStepBytes});
  Client first = submit(range(1, 10), 1500);
  Client second = submit(range(2, 10), 1200);
  Client third = submit(range(3, 10), 900);
  finish({&first, &second, &third});
  expect_answered(first, 1500);
  expect_answered(second, 1200);
  expect_answered(third, 900);
  EXPECT_GT(widest(), 1) << "as long as there is room, they run together";
  int computed_again = 0;
  for (const auto& step : model_.steps) {
    for (const int rows : step) computed_again += rows > 10 ? 1 : 0;
  }
  EXPECT_GT(computed_again, 0);
  EXPECT_LT(computed_again, 60) << "nobody is started only to be stopped";
}

TEST_F(BatcherMemory, ASlowReadersCachesGoToThoseWhoRun) {
  make({.parallel = 1, .kv_bytes = kStepBytes});
  Client slow = submit(range(1, 10), 200);
  while (batcher_->step() == Batcher::Progress::kStepped) {
  }
  Client other = submit(range(2, 10), 60);
  steps(60);
  drain({&other});
  expect_answered(other, 60);
  finish({&slow});
  expect_answered(slow, 200);
  EXPECT_EQ(slow.end->usage.cached_tokens, 0);
}

// Hundreds of requests that come, share, dawdle, break and are cancelled at
// random, in little memory.
TEST_F(BatcherMemory, EndsAllOfALongRandomRun) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    std::mt19937 random(seed);
    const auto draw = [&](int most) {
      return static_cast<int>(random() % static_cast<unsigned>(most));
    };
    make({.parallel = 1 + draw(5),
          .kv_bytes = (6 + static_cast<std::size_t>(draw(10))) * kStepBytes,
          .prefill_chunk = 8 + draw(60)});
    std::vector<Client> clients;
    std::vector<int> tokens;
    std::vector<bool> cancelled;
    clients.reserve(300);
    const auto act = [&] {
      if (clients.size() < 300 && draw(3) == 0) {
        Ids prompt = range(draw(4), 1 + draw(80));
        const Ids tail = range(draw(90), draw(60));
        prompt.insert(prompt.end(), tail.begin(), tail.end());
        tokens.push_back(1 + draw(150));
        cancelled.push_back(false);
        clients.push_back(submit(prompt, tokens.back()));
      }
      if (clients.empty()) return;
      const auto i =
          static_cast<std::size_t>(draw(static_cast<int>(clients.size())));
      if (draw(20) == 0) {
        cancelled[i] = true;
        clients[i].cancel.cancel();
      }
      const auto j =
          clients.size() - 1 -
          static_cast<std::size_t>(
              draw(static_cast<int>(std::min<std::size_t>(clients.size(), 8))));
      clients[j].read(
          std::min<int>(40, static_cast<int>(clients[j].channel->size())));
    };
    for (int i = 0; i < 100000; ++i) {
      act();
      const Batcher::Progress progress = batcher_->step();
      if (progress == Batcher::Progress::kBlocked) {
        for (Client& client : clients) drain({&client});
      }
      if (clients.size() == 300 && progress == Batcher::Progress::kIdle) break;
    }
    EXPECT_EQ(batcher_->step(), Batcher::Progress::kIdle);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      drain({&clients[i]});
      if (!cancelled[i]) {
        expect_answered(clients[i], tokens[i]);
        continue;
      }
      ASSERT_TRUE(clients[i].end.has_value());
      const auto count = static_cast<int>(clients[i].ids.size());
      EXPECT_EQ(clients[i].ids,
                CountingModel::answer(clients[i].prompt, count));
    }
  }
}

}  // namespace
}  // namespace abstractllm::engine::test
