// A batcher over CountingModel, driven step by step on the test's own thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "counting_model.h"
#include "engine/batcher.h"

namespace abstractllm::engine::test {

/// What came out of a request.
struct Client {
  std::shared_ptr<TokenChannel> channel = std::make_shared<TokenChannel>();
  CancelToken cancel;
  Ids prompt;
  Ids ids;
  std::optional<GenerationEnd> end;

  /// Takes up to `most` tokens that are there. REQUIRES: they are, or the end.
  void read(int most) {
    for (int i = 0; i < most && !end; ++i) {
      EngineEvent event = channel->pop();
      if (auto* step = std::get_if<TokenStep>(&event)) {
        ids.push_back(step->id);
      } else {
        end = std::get<GenerationEnd>(std::move(event));
      }
    }
  }
};

inline Ids range(int first, int count) {
  Ids ids;
  for (int i = 0; i < count; ++i) ids.push_back((first + i) % 90);
  return ids;
}

class BatcherTest : public testing::Test {
 protected:
  struct Setup {
    int parallel = 8;
    std::size_t kv_bytes = 1 << 30;
    int prefill_chunk = 512;
  };

  void make(const Setup& setup) {
    batcher_.emplace(model_,
                     BatcherOptions{.limits = {.parallel = setup.parallel,
                                               .kv_bytes = setup.kv_bytes,
                                               .kept = setup.parallel},
                                    .prefill_chunk = setup.prefill_chunk});
  }

  Client submit(Ids prompt, int max_tokens,
                types::SamplingOptions options = {.temperature = 0}) {
    Client client;
    client.prompt = prompt;
    options.max_tokens = max_tokens;
    add({.prompt = std::move(prompt),
         .options = options,
         .end_tokens = {},
         .cancel = client.cancel,
         .channel = client.channel});
    return client;
  }

  /// `numbers`: of the job's images.
  void add(GenerationJob job, std::vector<std::int32_t> numbers = {}) {
    batcher_->add(std::make_unique<Generation>(
        std::move(job),
        GenerationLimits{.vocabulary = CountingModel::kVocabulary,
                         .context_length = 4000,
                         .cache_positions = 4000},
        Generation::Clock::now(), std::move(numbers)));
  }

  void steps(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(batcher_->step(), Batcher::Progress::kStepped);
    }
  }

  /// Steps until all requests are over, reading what they say.
  void finish(std::vector<Client*> clients) {
    for (int i = 0; i < 100000; ++i) {
      const Batcher::Progress progress = batcher_->step();
      // Steps in between bring no request more than it can hold.
      if (i % 32 == 0 || progress != Batcher::Progress::kStepped) {
        drain(clients);
      }
      if (progress == Batcher::Progress::kIdle) return drain(clients);
    }
    FAIL() << "the requests do not end";
  }

  static void drain(const std::vector<Client*>& clients) {
    for (Client* client : clients) {
      while (client->channel->size() > 0) client->read(1);
    }
  }

  static void expect_answered(const Client& client, int tokens) {
    ASSERT_TRUE(client.end.has_value());
    EXPECT_FALSE(client.end->error.has_value());
    EXPECT_EQ(client.end->reason, FinishReason::kLength);
    EXPECT_EQ(client.ids, CountingModel::answer(client.prompt, tokens));
    EXPECT_EQ(client.end->usage.prompt_tokens,
              static_cast<int>(client.prompt.size()));
    EXPECT_EQ(client.end->usage.completion_tokens, tokens);
  }

  /// Most sequences that a step had.
  int widest() const {
    std::size_t most = 0;
    for (const auto& rows : model_.steps) most = std::max(most, rows.size());
    return static_cast<int>(most);
  }

  CountingModel model_;
  std::optional<Batcher> batcher_;
};

}  // namespace abstractllm::engine::test
