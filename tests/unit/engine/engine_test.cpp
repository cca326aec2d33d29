// The engine thread: many jobs at once, its limits, and its end.
// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "abstractllm/error.h"
#include "io/model_files.h"
#include "io/weight_source.h"

namespace abstractllm::engine {
namespace {

using testing::HasSubstr;

class EngineOnTinyModel : public testing::Test {
 protected:
  Engine make(EngineOptions options) {
    const auto folder = std::filesystem::path(ABSTRACTLLM_TEST_DATA) /
                        "fixtures" / "text" / "llama3";
    const auto weights = io::WeightSource::open(io::ModelFiles::at(folder));
    options.cpu_precision = ops::cpu::Precision::kExact;
    if (options.context_length == 0) options.context_length = 512;
    return Engine(weights.config(), weights, std::move(options));
  }

  static GenerationJob job(std::vector<std::int32_t> prompt, int max_tokens) {
    return {.prompt = std::move(prompt),
            .options = {.temperature = 0, .max_tokens = max_tokens},
            .end_tokens = {},
            .cancel = {},
            .channel = std::make_shared<TokenChannel>()};
  }

  // Reads to the end; returns it and the ids.
  static std::pair<GenerationEnd, std::vector<std::int32_t>> read(
      TokenChannel& channel) {
    std::vector<std::int32_t> ids;
    while (true) {
      EngineEvent event = channel.pop();
      if (auto* end = std::get_if<GenerationEnd>(&event)) {
        return {std::move(*end), std::move(ids)};
      }
      ids.push_back(std::get<TokenStep>(event).id);
    }
  }
};

TEST_F(EngineOnTinyModel, RefusesMoreThanTheQueueHolds) {
  Engine engine = make({.parallel_sequences = 1, .max_queued_requests = 4});
  std::vector<std::shared_ptr<TokenChannel>> taken;
  std::optional<Error> refused;
  // Nobody reads, and a place is free again only after a channel is full, so
  // that these come faster than they can be started.
  for (int i = 0; i < 1000 && !refused; ++i) {
    GenerationJob next = job({1, 2, i % 500}, 400);
    const auto channel = next.channel;
    try {
      engine.submit(std::move(next));
      taken.push_back(channel);
    } catch (const Error& error) {
      refused = error;
      EXPECT_EQ(channel->size(), 0u);
    }
  }
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code(), ErrorCode::kResourceExceeded);
  EXPECT_THAT(refused->message(), HasSubstr("4 requests wait"));
  EXPECT_THAT(refused->hint(), HasSubstr("max_queued_requests"));
  EXPECT_GE(taken.size(), 4u);
  for (const auto& channel : taken) {
    const auto [end, ids] = read(*channel);
    EXPECT_EQ(end.reason, FinishReason::kLength);
    EXPECT_EQ(ids.size(), 400u);
  }
  EXPECT_NO_THROW(engine.submit(job({1}, 1))) << "there is room again";
}

TEST_F(EngineOnTinyModel, RefusesWhatItsMemoryCannotHold) {
  // 3 layers with 2 heads of 16 dimensions; a page has 256 positions.
  const std::uint64_t page = 3 * 2 * 2 * 16 * 256 * sizeof(float);
  Engine engine = make({.kv_cache_bytes = page});
  GenerationJob large = job(std::vector<std::int32_t>(256, 1), 4);
  try {
    engine.submit(std::move(large));
    FAIL() << "expected MemoryExceededError";
  } catch (const MemoryExceededError& error) {
    EXPECT_THAT(error.message(), HasSubstr("256 tokens"));
    EXPECT_THAT(error.hint(), HasSubstr("kv_cache_bytes"));
  }
  GenerationJob fits = job(std::vector<std::int32_t>(200, 1), 400);
  const auto channel = fits.channel;
  engine.submit(std::move(fits));
  const auto [end, ids] = read(*channel);
  EXPECT_EQ(end.reason, FinishReason::kLength);
  EXPECT_EQ(ids.size(), 56u) << "what the memory has room for";
}

TEST_F(EngineOnTinyModel, ItsEndIsTheEndOfAllJobs) {
  std::vector<std::shared_ptr<TokenChannel>> channels;
  {
    Engine engine = make({.parallel_sequences = 2});
    for (int i = 0; i < 6; ++i) {
      GenerationJob next = job({5, i}, 400);
      channels.push_back(next.channel);
      engine.submit(std::move(next));
    }
    channels[0]->pop();
  }
  for (const auto& channel : channels) {
    EXPECT_EQ(read(*channel).first.reason, FinishReason::kCancelled);
    // A reader may still ring for an engine that is gone.
    channel->close();
  }
}

TEST_F(EngineOnTinyModel, ScoresOneAfterTheOther) {
  Engine engine = make({.prefill_chunk = 8});
  EXPECT_THROW(engine.score({1}, {}), InvalidRequestError);
  CancelToken cancelled;
  cancelled.cancel();
  EXPECT_THROW(engine.score({1, 2, 3}, cancelled), CancelledError);
  EXPECT_EQ(engine.score(std::vector<std::int32_t>(50, 3), {}).tokens, 49);
}

// What a child finds wrong, as its exit status; it ends itself if it waits.
int in_child(Engine* engine, GenerationJob job, const std::string& parent) {
  ::alarm(20);
  const auto is_refused = [&](const auto& call) {
    try {
      call();
    } catch (const UnsupportedOperationError& error) {
      return error.message().find("process " + parent + ",") !=
                 std::string::npos &&
             error.hint().find("after the fork") != std::string::npos;
    }
    return false;
  };
  if (!is_refused([&] { engine->submit(std::move(job)); })) return 1;
  if (!is_refused([&] { engine->score({1, 2, 3}, {}); })) return 2;
  if (!is_refused([&] { engine->embed({}); })) return 3;
  delete engine;
  return 0;
}

TEST_F(EngineOnTinyModel, AForkedChildIsToldInsteadOfWaiting) {
  // On the heap, for the child to end it by itself.
  std::unique_ptr<Engine> engine(new Engine(make({})));
  const std::string parent = std::to_string(::getpid());
  const pid_t child = ::fork();
  if (child == 0) ::_exit(in_child(engine.release(), job({1, 2}, 4), parent));
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
  // The parent notices nothing.
  GenerationJob next = job({1, 2}, 4);
  const auto channel = next.channel;
  engine->submit(std::move(next));
  EXPECT_EQ(read(*channel).second.size(), 4u);
}

}  // namespace
}  // namespace abstractllm::engine
