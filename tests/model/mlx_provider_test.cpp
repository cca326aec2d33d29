// The MLX provider on tiny models: answers, streams, limits and reuse.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "model/tiny_model.h"

namespace abstractllm {
namespace {

using test::greedy_request;
using test::open_fixture;
using test::reference_of;
using testing::ElementsAreArray;
using Ids = std::vector<std::int32_t>;

struct Prompt {
  Ids ids;
  Ids greedy;
};

Prompt prompt_of(const std::string& fixture, int index) {
  const auto prompt = reference_of(fixture).at("prompts").at(index);
  return {prompt.at("ids").get<Ids>(), prompt.at("greedy").get<Ids>()};
}

class OnEachFixture : public testing::TestWithParam<std::string> {};

TEST_P(OnEachFixture, ContinuesGreedilyAsTheReference) {
  const auto llm = open_fixture(GetParam(), {.prefill_chunk = 16});
  for (int i = 0; i < 4; ++i) {
    const Prompt prompt = prompt_of(GetParam(), i);
    const GenerateResponse response =
        llm->generate(greedy_request(prompt.ids, 24));
    EXPECT_THAT(response.token_ids, ElementsAreArray(prompt.greedy));
    EXPECT_EQ(response.finish_reason, FinishReason::kLength);
    EXPECT_EQ(response.usage.prompt_tokens,
              static_cast<int>(prompt.ids.size()));
    EXPECT_EQ(response.usage.completion_tokens, 24);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, OnEachFixture,
    testing::Values("text/llama3", "text/mistral", "text/qwen2", "text/qwen3",
                    "text/h2o-danube2", "text/llama-dynamic",
                    "text/llama-longrope", "text/phi3-longrope",
                    "quant/llama3-4bit", "gguf/llama3-q4_1",
                    "gguf/llama-q4_k_m"),
    [](const auto& info) {
      std::string name = info.param;
      for (char& c : name) {
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
      }
      return name;
    });

TEST(MLXProvider, AnswersEndWhereTheTableOfPositionsDoes) {
  const auto llm = open_fixture("text/gpt2");
  const int context = llm->capabilities().context_length;
  EXPECT_EQ(context, 128);
  const Ids ids(static_cast<std::size_t>(context - 4), 5);
  const GenerateResponse response = llm->generate(greedy_request(ids, 64));
  EXPECT_EQ(response.finish_reason, FinishReason::kLength);
  EXPECT_EQ(response.usage.completion_tokens, 4);
}

TEST(MLXProvider, AStateTakesMoreThanAnyConfigSays) {
  const auto llm = open_fixture("text/mamba");
  const Ids ids(3000, 5);
  EXPECT_EQ(llm->generate(greedy_request(ids, 2)).usage.prompt_tokens, 3000);
  EXPECT_GT(llm->capabilities().context_length, 100'000);
  EXPECT_NO_THROW(open_fixture("text/bloom", {.context_length = 4096}));
}

TEST(MLXProvider, AStreamIsDeltasAndOneTerminalEvent) {
  const auto llm = open_fixture("text/llama3");
  const Prompt prompt = prompt_of("text/llama3", 2);
  const Request request = greedy_request(prompt.ids, 24);
  const GenerateResponse whole = llm->generate(request);
  std::string text;
  int terminal = 0;
  llm->stream(request, [&](const Event& event) {
    EXPECT_EQ(terminal, 0) << "nothing follows the terminal event";
    if (const auto* delta = std::get_if<TextDelta>(&event)) text += delta->text;
    if (is_terminal(event)) ++terminal;
    return true;
  });
  EXPECT_EQ(terminal, 1);
  EXPECT_EQ(text, whole.content);
}

TEST(MLXProvider, ReusesWhatTwoPromptsShare) {
  const auto llm = open_fixture("text/llama3");
  const Prompt prompt = prompt_of("text/llama3", 3);
  const GenerateResponse first = llm->generate(greedy_request(prompt.ids, 8));
  EXPECT_EQ(first.usage.cached_tokens, 0);
  Ids longer = prompt.ids;
  longer.insert(longer.end(), first.token_ids.begin(), first.token_ids.end());
  const GenerateResponse second = llm->generate(greedy_request(longer, 16));
  EXPECT_GE(second.usage.cached_tokens, static_cast<int>(prompt.ids.size()));
  EXPECT_THAT(second.token_ids,
              testing::ElementsAreArray(prompt.greedy.begin() + 8,
                                        prompt.greedy.end()));
}

TEST(MLXProvider, ASlidingWindowStartsAfreshWhereItCannotGoBack) {
  const auto llm = open_fixture("text/mistral");
  for (const int index : {3, 2, 3, 1}) {
    const Prompt prompt = prompt_of("text/mistral", index);
    EXPECT_THAT(llm->generate(greedy_request(prompt.ids, 24)).token_ids,
                ElementsAreArray(prompt.greedy));
  }
}

TEST(MLXProvider, RequestsOfManyThreadsDoNotMix) {
  const auto llm = open_fixture("text/qwen3");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const Prompt prompt = prompt_of("text/qwen3", i);
      for (int round = 0; round < 3; ++round) {
        EXPECT_THAT(llm->generate(greedy_request(prompt.ids, 24)).token_ids,
                    ElementsAreArray(prompt.greedy));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(MLXProvider, ASeedRepeatsAndBelongsToItsRequest) {
  const auto llm = open_fixture("text/llama3");
  const Prompt prompt = prompt_of("text/llama3", 1);
  Request request = greedy_request(prompt.ids, 16);
  request.parameters.temperature = 1.5;
  request.parameters.seed = 11;
  const Ids first = llm->generate(request).token_ids;
  Request other = request;
  other.parameters.seed = 12;
  EXPECT_NE(llm->generate(other).token_ids, first);
  EXPECT_EQ(llm->generate(request).token_ids, first);
}

TEST(MLXProvider, CancelsWithinAStep) {
  const auto llm = open_fixture("text/llama3");
  Request request = greedy_request({1, 2, 3}, 400);
  int deltas = 0;
  const Event* last = nullptr;
  Event terminal = Finished{};
  llm->stream(request, [&](const Event& event) {
    ++deltas;
    if (is_terminal(event)) {
      terminal = event;
      last = &terminal;
    }
    request.cancel.cancel();
    return true;
  });
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(std::get<Finished>(terminal).reason, FinishReason::kCancelled);
  EXPECT_LT(std::get<Finished>(terminal).usage.completion_tokens, 100);
}

TEST(MLXProvider, ASinkThatReturnsFalseCancels) {
  const auto llm = open_fixture("text/llama3");
  std::optional<Finished> finished;
  llm->stream(greedy_request({1, 2, 3}, 400), [&](const Event& event) {
    if (const auto* end = std::get_if<Finished>(&event)) finished = *end;
    return false;
  });
  ASSERT_TRUE(finished.has_value());
  EXPECT_EQ(finished->reason, FinishReason::kCancelled);
}

TEST(MLXProvider, ASinksExceptionIsItsCallersAndTheModelLivesOn) {
  const auto llm = open_fixture("text/llama3");
  EXPECT_THROW(llm->stream(greedy_request({1, 2, 3}, 400),
                           [](const Event&) -> bool { throw 42; }),
               int);
  const Prompt prompt = prompt_of("text/llama3", 1);
  EXPECT_THAT(llm->generate(greedy_request(prompt.ids, 24)).token_ids,
              ElementsAreArray(prompt.greedy));
}

TEST(MLXProvider, StopTextsEndTheAnswerAndDoNotShow) {
  const auto llm = open_fixture("text/llama3");
  const Prompt prompt = prompt_of("text/llama3", 3);
  Request request = greedy_request(prompt.ids, 24);
  const std::string whole = llm->generate(request).content;
  ASSERT_GE(whole.size(), 6u);
  const std::string stop = whole.substr(whole.size() / 2, 3);
  request.parameters.stop = {stop};
  const GenerateResponse response = llm->generate(request);
  EXPECT_EQ(response.finish_reason, FinishReason::kStop);
  EXPECT_EQ(response.stop_text, stop);
  EXPECT_EQ(response.content, whole.substr(0, whole.find(stop)));
  EXPECT_LE(response.usage.completion_tokens, 24);
}

TEST(MLXProvider, StopTokenIdsEndTheAnswer) {
  const auto llm = open_fixture("text/llama3");
  const Prompt prompt = prompt_of("text/llama3", 3);
  Request request = greedy_request(prompt.ids, 24);
  request.parameters.stop_token_ids = {prompt.greedy[0]};
  const GenerateResponse response = llm->generate(request);
  EXPECT_EQ(response.finish_reason, FinishReason::kStop);
  EXPECT_EQ(response.token_ids, Ids{prompt.greedy[0]});
}

TEST(MLXProvider, LogprobsComeOneAToken) {
  const auto llm = open_fixture("text/qwen2");
  Request request = greedy_request({5, 6, 7}, 12);
  request.parameters.logprobs = true;
  request.parameters.top_logprobs = 3;
  const GenerateResponse response = llm->generate(request);
  ASSERT_EQ(response.logprobs.size(), 12u);
  for (std::size_t i = 0; i < response.logprobs.size(); ++i) {
    const TokenLogprob& logprob = response.logprobs[i];
    EXPECT_EQ(logprob.token_id, response.token_ids[i]);
    ASSERT_EQ(logprob.top.size(), 3u);
    EXPECT_EQ(logprob.top[0].token_id, logprob.token_id) << "greedy";
    EXPECT_LE(logprob.logprob, 0);
    EXPECT_GE(logprob.top[0].logprob, logprob.top[1].logprob);
  }
}

TEST(MLXProvider, ScoresAsTheGeneratedLogprobsSay) {
  const auto llm = open_fixture("text/llama3");
  Request request = greedy_request({9}, 20);
  request.parameters.logprobs = true;
  const GenerateResponse response = llm->generate(request);
  Ids ids{9};
  ids.insert(ids.end(), response.token_ids.begin(), response.token_ids.end());
  double sum = 0;
  for (const TokenLogprob& logprob : response.logprobs) sum -= logprob.logprob;
  const Score score = llm->score(ids);
  EXPECT_EQ(score.tokens, 20);
  EXPECT_NEAR(score.negative_log_likelihood, sum, 1e-3);
}

TEST(MLXProvider, ScoresAlikeInEveryChunkSize) {
  // Past the 64 positions where phi3's rotation changes sides.
  const Ids ids = prompt_of("text/phi3", 3).ids;
  ASSERT_GT(ids.size(), 64u);
  const double whole = open_fixture("text/phi3", {.prefill_chunk = 128})
                           ->score(ids)
                           .negative_log_likelihood;
  const double parts = open_fixture("text/phi3", {.prefill_chunk = 16})
                           ->score(ids)
                           .negative_log_likelihood;
  EXPECT_NEAR(parts, whole, 1e-3);
}

TEST(MLXProvider, RoundedActivationsAndCachesScoreAlike) {
  for (const char* name : {"quant/llama3-4bit", "quant/qwen3-8bit"}) {
    Ids ids;
    for (int i = 0; i < 100; ++i) ids.push_back(7 + i * 13 % 50);
    const auto score = [&](const ProviderConfig& config) {
      return open_fixture(name, config)->score(ids).negative_log_likelihood;
    };
    const double exact = score({.cpu_precision = "exact"});
    for (const char* precision : {"int8-pair", "int8"}) {
      EXPECT_NEAR(score({.cpu_precision = precision}) / exact, 1, 0.005)
          << name << " " << precision;
    }
    for (const char* type : {"f16", "bf16", "int8"}) {
      EXPECT_NEAR(score({.kv_cache_type = type}) / exact, 1, 0.005)
          << name << " " << type;
    }
    EXPECT_NEAR(score({.kv_cache_type = "f32"}) / exact, 1, 1e-6) << name;
  }
}

TEST(MLXProvider, APresetIsTakenWhenItIsNamed) {
  // A Qwen by its model_type; its family's penalty is nobody's default.
  const auto default_of = [](const ProviderConfig& config, const char* key) {
    const auto llm = open_fixture("text/qwen2", config);
    for (const auto& [name, value] : llm->describe()) {
      if (name == key) return value;
    }
    return std::string();
  };
  EXPECT_EQ(default_of({}, "default_parameters").find("repetition_penalty"),
            std::string::npos);
  EXPECT_NE(default_of({}, "preset_steady"), "");
  EXPECT_NE(default_of({.preset = "steady"}, "default_parameters")
                .find("\"repetition_penalty\":1.2"),
            std::string::npos);
  try {
    open_fixture("text/qwen2", {.preset = "no such"});
    FAIL();
  } catch (const InvalidParameterError& error) {
    EXPECT_NE(std::string(error.what()).find("'no such'"), std::string::npos);
    EXPECT_NE(error.hint().find("steady"), std::string::npos);
  }
}

TEST(MLXProvider, ADiagnosisRefusesWhatOpeningRefuses) {
  ProviderConfig config{.model = test::fixture("text/qwen2").string()};
  config.preset = "steady";
  EXPECT_NE(diagnose(config).verdict, Verdict::kDoesNotRun);
  config.preset = "no such";
  EXPECT_THROW(diagnose(config), InvalidParameterError);
  config.preset = {};
  config.context_length = -1;
  EXPECT_THROW(diagnose(config), InvalidParameterError);
}

TEST(MLXProvider, SaysHowItComputesAndWhy) {
  const auto precision = [](ProviderConfig config) {
    config.model = test::fixture("text/llama3").string();
    for (const auto& [key, value] : create_llm("mlx", config)->describe()) {
      if (key == "cpu_precision") return value;
    }
    return std::string();
  };
  EXPECT_EQ(precision({}),
            "int8-pair (auto: a hidden size of 64 is less than 1024)");
  EXPECT_EQ(precision({.cpu_precision = "int8"}), "int8 (as asked for)");
  EXPECT_EQ(precision({.cpu_exact = true}), "exact (as asked for)");
  EXPECT_EQ(precision({.cpu_backend = "reference"}),
            "float32, by the reference backend");
}

TEST(MLXProvider, ChatsThroughTheModelsTemplate) {
  const auto llm = open_fixture("text/llama3");
  const auto chat = reference_of("text/llama3").at("tokenizer").at("chats")[0];
  Request request;
  request.messages = {
      Message::user(chat.at("messages")[0].at("content").get<std::string>())};
  EXPECT_EQ(llm->count_tokens(request),
            static_cast<int>(chat.at("ids").size()));
  request.parameters.max_tokens = 4;
  const GenerateResponse response = llm->generate(request);
  EXPECT_EQ(response.usage.prompt_tokens,
            static_cast<int>(chat.at("ids").size()));
}

TEST(MLXProvider, ChatsWithoutATemplate) {
  const auto llm = open_fixture("text/llama3-mqa-bias");
  Request request;
  request.system_prompt = "Be brief.";
  request.messages = {Message::user("Hi"), Message::assistant("Hello"),
                      Message::user("Bye")};
  request.parameters.max_tokens = 3;
  EXPECT_GT(llm->generate(request).usage.prompt_tokens, 10);
}

}  // namespace
}  // namespace abstractllm
