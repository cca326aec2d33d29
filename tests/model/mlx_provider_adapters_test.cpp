// Adapters behind the public interface: chosen by requests, side by side.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "model/tiny_model.h"

namespace abstractllm {
namespace {

using test::fixture;
using test::greedy_request;
using test::reference_of;
using testing::ElementsAreArray;
using testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

// What the model itself and two adapters make of the same prompts.
constexpr const char* kNames[] = {"none", "plain", "small"};

std::string fixture_of(const std::string& name) {
  if (name == "plain") return "lora/llama3-lora-peft";
  return name == "small" ? "lora/llama3-lora-mlx" : "text/llama3";
}

ProviderConfig adapted(std::string backend = "fast") {
  return {.model = fixture("text/llama3").string(),
          .cpu_backend = std::move(backend),
          .cpu_exact = true,
          .adapters = {{"plain", fixture(fixture_of("plain")).string()},
                       {"small", fixture(fixture_of("small")).string()}}};
}

struct Prompt {
  Ids ids;
  Ids greedy;
};

Prompt prompt_of(const std::string& name, int index) {
  const auto prompt = reference_of(fixture_of(name)).at("prompts").at(index);
  return {prompt.at("ids").get<Ids>(), prompt.at("greedy").get<Ids>()};
}

Ids generate(AbstractLLMInterface& llm, const std::string& name,
             const Prompt& prompt) {
  Request request =
      greedy_request(prompt.ids, static_cast<int>(prompt.greedy.size()));
  request.adapter = name;
  return llm.generate(request).token_ids;
}

class OnBackend : public testing::TestWithParam<std::string> {};

TEST_P(OnBackend, RequestsWithDifferentAdaptersAreComputedTogether) {
  const auto llm = create_llm("mlx", adapted(GetParam()));
  std::vector<std::thread> threads;
  std::vector<Ids> answers(12);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back([&, i] {
      const std::string name = kNames[i % 3];
      answers[i] = generate(*llm, name, prompt_of(name, int(i) / 3));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string name = kNames[i % 3];
    EXPECT_THAT(answers[i],
                ElementsAreArray(prompt_of(name, int(i) / 3).greedy))
        << name << " " << i / 3;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, OnBackend,
                         testing::Values("fast", "reference"),
                         [](const auto& info) { return info.param; });

TEST(MLXAdapters, CachesServeTheirOwnAdapterAlone) {
  const auto llm = create_llm("mlx", adapted());
  const Prompt plain = prompt_of("plain", 3);
  const auto answer = [&](const std::string& name) {
    Request request = greedy_request(plain.ids, 24);
    request.adapter = name;
    return llm->generate(request);
  };
  const GenerateResponse first = answer("plain");
  EXPECT_THAT(first.token_ids, ElementsAreArray(plain.greedy));
  EXPECT_EQ(first.usage.cached_tokens, 0);
  const GenerateResponse base = answer("none");
  EXPECT_EQ(base.usage.cached_tokens, 0);
  EXPECT_NE(base.token_ids, first.token_ids);
  const GenerateResponse again = answer("plain");
  EXPECT_THAT(again.token_ids, ElementsAreArray(plain.greedy));
  EXPECT_GT(again.usage.cached_tokens, 0);
}

TEST(MLXAdapters, OfTheProviderHoldForRequestsThatNameNone) {
  ProviderConfig config = adapted();
  config.adapter = "small";
  const auto named = create_llm("mlx", config);
  config.adapters.clear();
  config.adapter = fixture(fixture_of("small")).string();
  const auto by_folder = create_llm("mlx", config);
  config.fuse_adapter = true;
  const auto fused = create_llm("mlx", config);
  const Prompt prompt = prompt_of("small", 2);
  for (const auto* llm : {&named, &by_folder, &fused}) {
    EXPECT_THAT((*llm)->generate(greedy_request(prompt.ids, 24)).token_ids,
                ElementsAreArray(prompt.greedy));
  }
  const Prompt base = prompt_of("none", 2);
  EXPECT_THAT(generate(*named, "none", base), ElementsAreArray(base.greedy));
  Request request = greedy_request(prompt.ids, 1);
  request.adapter = "none";
  EXPECT_THROW(fused->generate(request), InvalidRequestError);
}

TEST(MLXAdapters, ThatNobodyLoadedAreRefusedByName) {
  const auto llm = create_llm("mlx", adapted());
  Request request = greedy_request({1, 2, 3}, 1);
  request.adapter = "other";
  try {
    llm->generate(request);
    FAIL();
  } catch (const InvalidRequestError& error) {
    EXPECT_THAT(error.message(), HasSubstr("no adapter 'other'"));
    EXPECT_THAT(error.hint(), HasSubstr("none, plain, small"));
  }
}

TEST(MLXAdapters, OfAnotherModelAreRefusedWithModuleAndShapes) {
  try {
    create_llm("mlx", {.model = fixture("text/qwen3").string(),
                       .adapter = fixture("lora/llama3-lora-mlx").string()});
    FAIL();
  } catch (const ModelLoadingError& error) {
    EXPECT_THAT(error.message(), HasSubstr("[adapter]"));
    EXPECT_THAT(error.message(), HasSubstr("model.layers."));
  }
}

TEST(MLXAdapters, FusedGoWithOneFolderOnly) {
  ProviderConfig config = adapted();
  config.fuse_adapter = true;
  EXPECT_THROW(create_llm("mlx", config), InvalidParameterError);
}

}  // namespace
}  // namespace abstractllm
