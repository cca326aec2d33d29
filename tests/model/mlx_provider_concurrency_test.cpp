// Requests of several threads on one model: together the same as alone.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <random>
#include <thread>
#include <tuple>

#include "model/tiny_model.h"

namespace abstractllm {
namespace {

using test::fixture;
using test::greedy_request;
using test::open_fixture;
using test::reference_of;
using testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

std::unique_ptr<AbstractLLMInterface> open(const std::string& name,
                                           ProviderConfig config) {
  config.model = fixture(name).string();
  return create_llm("mlx", std::move(config));
}

// Requests of several lengths: the fixture's prompts, and parts of the longest.
std::vector<Request> mixed_requests(const std::string& name) {
  std::vector<Request> requests;
  Ids longest;
  const auto reference = reference_of(name);
  for (const auto& prompt : reference.at("prompts")) {
    const Ids ids = prompt.at("ids").get<Ids>();
    if (ids.size() > longest.size()) longest = ids;
    if (requests.size() < 4) requests.push_back(greedy_request(ids, 24));
  }
  for (const std::size_t skipped : {1, 2, 3, 5}) {
    const std::size_t length = longest.size() / skipped;
    Ids part(longest.begin() + static_cast<std::ptrdiff_t>(skipped) - 1,
             longest.begin() +
                 static_cast<std::ptrdiff_t>(std::max(length, skipped)));
    Request request =
        greedy_request(std::move(part), 10 + 7 * static_cast<int>(skipped));
    request.parameters.temperature = 1;
    request.parameters.seed = skipped;
    requests.push_back(std::move(request));
  }
  return requests;
}

// What a request got: its tokens, and the model's opinion of each of them.
struct Answer {
  Ids ids;
  std::vector<double> logprobs;
  bool operator==(const Answer&) const = default;
};

void PrintTo(const Answer& answer, std::ostream* stream) {
  *stream << testing::PrintToString(answer.ids) << " with "
          << testing::PrintToString(answer.logprobs);
}

Answer ask(AbstractLLMInterface& llm, Request request) {
  request.parameters.logprobs = true;
  const GenerateResponse response = llm.generate(request);
  Answer answer{response.token_ids, {}};
  for (const TokenLogprob& token : response.logprobs) {
    answer.logprobs.push_back(token.logprob);
  }
  return answer;
}

std::vector<Answer> answers_one_by_one(const std::string& name,
                                       ProviderConfig config,
                                       const std::vector<Request>& requests) {
  config.parallel_sequences = 1;
  const auto llm = open(name, std::move(config));
  std::vector<Answer> answers;
  for (const Request& request : requests) answers.push_back(ask(*llm, request));
  return answers;
}

std::vector<Answer> answers_together(const std::string& name,
                                     ProviderConfig config,
                                     const std::vector<Request>& requests) {
  config.prefill_chunk = 16;
  config.parallel_sequences = static_cast<int>(requests.size());
  const auto llm = open(name, std::move(config));
  std::vector<Answer> answers(requests.size());
  std::barrier start(static_cast<std::ptrdiff_t>(requests.size()));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      answers[i] = ask(*llm, requests[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return answers;
}

class Together : public testing::TestWithParam<std::tuple<std::string, bool>> {
};

// Bit for bit: no kernel lets a row depend on its neighbours.
TEST_P(Together, EightRequestsAnswerAsEachAlone) {
  const auto& [name, exact] = GetParam();
  const std::vector<Request> requests = mixed_requests(name);
  ASSERT_EQ(requests.size(), 8u);
  const ProviderConfig config{.cpu_exact = exact};
  EXPECT_EQ(answers_together(name, config, requests),
            answers_one_by_one(name, config, requests));
}

// One of each kind of layer, as far as the test data has them.
std::vector<std::string> fixtures_at_hand() {
  std::vector<std::string> names;
  for (const char* name :
       {"text/llama3", "text/mistral", "text/qwen3", "text/phi3",
        "text/gemma3_text", "text/mamba2", "text/lfm2", "text/deepseek_v3",
        "text/mixtral", "text/gpt_oss", "quant/llama3-4bit",
        "gguf/llama3-q4_1"}) {
    if (std::filesystem::exists(fixture(name))) names.emplace_back(name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Together,
                         testing::Combine(testing::ValuesIn(fixtures_at_hand()),
                                          testing::Bool()),
                         [](const auto& info) {
                           std::string name =
                               std::get<0>(info.param) +
                               (std::get<1>(info.param) ? "_exact" : "_fast");
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c)))
                               c = '_';
                           }
                           return name;
                         });

// Its matrix products sum in another order for one row than for several.
TEST(MLXProviderTogether, TheReferenceBackendAnswersAlikeWithinRounding) {
  const std::vector<Request> requests = mixed_requests("text/llama3");
  const ProviderConfig config{.cpu_backend = "reference"};
  const auto together = answers_together("text/llama3", config, requests);
  const auto alone = answers_one_by_one("text/llama3", config, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(together[i].ids, alone[i].ids);
    ASSERT_EQ(together[i].logprobs.size(), alone[i].logprobs.size());
    for (std::size_t t = 0; t < alone[i].logprobs.size(); ++t) {
      EXPECT_NEAR(together[i].logprobs[t], alone[i].logprobs[t], 1e-4);
    }
  }
}

TEST(MLXProviderTogether, AFailingRequestLeavesTheOthersAlone) {
  const auto llm = open_fixture("text/llama3");
  const Request good = greedy_request({1, 2, 3}, 60);
  const Ids alone = llm->generate(good).token_ids;
  std::thread healthy([&] {
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(llm->generate(good).token_ids, alone);
    }
  });
  Request bad = greedy_request({1}, 4);
  bad.parameters.logit_bias = {{512, 1.0}};
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(llm->generate(bad), InvalidParameterError);
  }
  healthy.join();
}

TEST(MLXProviderTogether, ASlowSinkHoldsUpNobodyElse) {
  const auto llm = open_fixture("text/llama3");
  std::atomic<bool> others_done = false;
  std::thread slow([&] {
    llm->stream(greedy_request({7, 8, 9}, 300), [&](const Event&) {
      while (!others_done) std::this_thread::yield();
      return true;
    });
  });
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(llm->generate(greedy_request({1, 2, i}, 100)).token_ids.size(),
              100u);
  }
  others_done = true;
  slow.join();
}

TEST(MLXProviderTogether, AScoreRunsBesideAStream) {
  const auto llm = open_fixture("text/llama3", {.prefill_chunk = 4});
  const Ids ids(60, 5);
  const double alone = llm->score(ids).negative_log_likelihood;
  std::atomic<bool> scored = false;
  std::thread stream([&] {
    do {
      llm->generate(greedy_request({7, 8, 9}, 50));
    } while (!scored);
  });
  EXPECT_NEAR(llm->score(ids).negative_log_likelihood, alone, 1e-3);
  scored = true;
  stream.join();
}

TEST(MLXProviderTogether, ManyShortRequestsAndCancelsEndByThemselves) {
  const auto llm = open_fixture("text/qwen3");
  std::vector<Ids> alone;
  for (int i = 0; i < 8; ++i) {
    alone.push_back(
        llm->generate(greedy_request({i, i + 1, 40}, 12)).token_ids);
  }
  std::vector<std::thread> threads;
  std::atomic<int> whole = 0;
  for (unsigned t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int round = 0; round < 20; ++round) {
        const auto i = static_cast<int>(random() % 8);
        Request request = greedy_request({i, i + 1, 40}, 12);
        const bool cancels = random() % 3 == 0;
        unsigned left = random() % 12;
        Finished finished;
        llm->stream(request, [&](const Event& event) {
          if (const auto* end = std::get_if<Finished>(&event)) finished = *end;
          EXPECT_FALSE(std::holds_alternative<Failed>(event));
          if (!cancels || left-- > 0) return true;
          if (random() % 2 == 0) return false;
          request.cancel.cancel();
          return true;
        });
        const Ids& want = alone[static_cast<std::size_t>(i)];
        ASSERT_LE(finished.token_ids.size(), want.size());
        EXPECT_TRUE(std::equal(finished.token_ids.begin(),
                               finished.token_ids.end(), want.begin()));
        if (!cancels) {
          EXPECT_EQ(finished.token_ids.size(), want.size());
          ++whole;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(whole, 100);
}

}  // namespace
}  // namespace abstractllm
