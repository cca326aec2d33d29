// SPDX-License-Identifier: Apache-2.0
#include "providers/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "abstractllm/error.h"
#include "support/scripted_provider.h"

namespace abstractllm::providers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Remembers the config it was made with in the model id.
std::unique_ptr<AbstractLLMInterface> make_scripted(ProviderConfig config) {
  return std::make_unique<test::ScriptedProvider>(config.model);
}

const BuiltinProvider kBuiltins[] = {{"remote", &make_scripted},
                                     {"local", &make_scripted}};

TEST(ProviderRegistry, ListsIdsSorted) {
  ProviderRegistry registry(kBuiltins);
  registry.add("custom", make_scripted);
  EXPECT_THAT(registry.ids(), ElementsAre("custom", "local", "remote"));
}

TEST(ProviderRegistry, MakesAProviderByIdAndModel) {
  const ProviderRegistry registry(kBuiltins);
  EXPECT_EQ(registry.create("local", {.model = "m"})->model(), "m");
  EXPECT_EQ(registry.create("local/m", {})->model(), "m");
  EXPECT_EQ(registry.create("local/org/m", {})->model(), "org/m");
  EXPECT_EQ(registry.create("local", {})->model(), "");
}

TEST(ProviderRegistry, KnowsAliases) {
  const BuiltinProvider rows[] = {{"hugging", &make_scripted, {"hf", "hub"}}};
  ProviderRegistry registry(rows);
  EXPECT_EQ(registry.create("hf/org/m", {})->model(), "org/m");
  EXPECT_EQ(registry.resolve("hub"), "hugging");
  EXPECT_THAT(registry.ids(), ElementsAre("hugging"));
  EXPECT_THAT(registry.names(), ElementsAre("hf", "hub", "hugging"));
  EXPECT_THROW(registry.add("hf", make_scripted), InvalidRequestError);
}

TEST(ProviderRegistry, ListsAndFetchesModelsWhereTheProviderCan) {
  std::string fetched;
  const BuiltinProvider rows[] = {
      {.id = "full",
       .make = &make_scripted,
       .aliases = {"f"},
       .info =
           [](const ConnectionOptions& options) {
             return ProviderInfo{.id = "full",
                                 .detail = "at " + options.base_url};
           },
       .list =
           [](const ConnectionOptions& options) {
             return std::vector<ModelEntry>{{.id = options.base_url}};
           },
       .pull =
           [&](std::string_view model, const ConnectionOptions&,
               const auto& report) {
             fetched = model;
             report({"done", 1, 1});
           }},
      {"bare", &make_scripted}};
  ProviderRegistry registry(rows);
  registry.add("mine", make_scripted);
  EXPECT_EQ(registry.list_models("f", {.base_url = "u"}).at(0).id, "u");
  EXPECT_THROW(registry.list_models("bare", {}), UnsupportedOperationError);
  bool was_told = false;
  registry.pull_model("full", "m", {}, [&](const PullProgress&) {
    was_told = true;
    return true;
  });
  EXPECT_EQ(fetched, "m");
  EXPECT_TRUE(was_told);
  EXPECT_THROW(registry.pull_model("bare", "m", {}, {}),
               UnsupportedOperationError);
  const std::vector<ProviderInfo> info =
      registry.info({{"full", {.base_url = "u"}}});
  ASSERT_EQ(info.size(), 3U);
  EXPECT_EQ(info[1].detail, "at u");
  EXPECT_EQ(info[2].detail, "registered by the program");
}

TEST(ProviderRegistry, RefusesAModelGivenTwiceOrNotAtAll) {
  const ProviderRegistry registry(kBuiltins);
  EXPECT_THROW(registry.create("local/m", {.model = "m"}), InvalidRequestError);
  EXPECT_THROW(registry.create("local/", {}), InvalidRequestError);
}

TEST(ProviderRegistry, UnknownProviderListsTheKnownOnes) {
  const ProviderRegistry registry(kBuiltins);
  try {
    registry.create("lokal/m", {});
    FAIL();
  } catch (const UnsupportedProviderError& error) {
    EXPECT_THAT(error.message(), HasSubstr("'lokal'"));
    EXPECT_THAT(error.hint(), HasSubstr("Did you mean local?"));
    EXPECT_THAT(error.hint(), HasSubstr("local, remote"));
  }
  EXPECT_THROW(registry.create("", {}), UnsupportedProviderError);
}

TEST(ProviderRegistry, RefusesBadRegistrations) {
  ProviderRegistry registry(kBuiltins);
  EXPECT_THROW(registry.add("local", make_scripted), InvalidRequestError);
  EXPECT_THROW(registry.add("", make_scripted), InvalidRequestError);
  EXPECT_THROW(registry.add("a/b", make_scripted), InvalidRequestError);
  EXPECT_THROW(registry.add("Upper", make_scripted), InvalidRequestError);
  EXPECT_THROW(registry.add("empty", nullptr), InvalidRequestError);
  EXPECT_EQ(registry.ids().size(), 2U);
}

TEST(ProviderRegistry, ChecksTheDefaultsBeforeAnythingIsLoaded) {
  ProviderRegistry registry({});
  bool was_called = false;
  registry.add("p", [&](ProviderConfig config) {
    was_called = true;
    return make_scripted(std::move(config));
  });
  ProviderConfig config{.model = "m"};
  config.parameters.temperature = 3;
  EXPECT_THROW(registry.create("p", config), InvalidParameterError);
  EXPECT_FALSE(was_called);
}

TEST(ProviderRegistry, AFactoryThatMakesNothingIsAnError) {
  ProviderRegistry registry({});
  registry.add("p", [](ProviderConfig) { return nullptr; });
  EXPECT_THROW(registry.create("p", {}), InternalError);
}

TEST(ProviderRegistry, AFactoryMayUseTheRegistry) {
  ProviderRegistry registry(kBuiltins);
  registry.add("outer", [&](ProviderConfig config) {
    return registry.create("local", std::move(config));
  });
  EXPECT_EQ(registry.create("outer/m", {})->model(), "m");
}

TEST(ProviderRegistry, TakesCallsFromSeveralThreads) {
  ProviderRegistry registry(kBuiltins);
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 50; ++j) {
        registry.create("local/m", {});
        registry.add("p" + std::to_string(i) + "-" + std::to_string(j),
                     make_scripted);
        try {
          registry.add("shared-" + std::to_string(j), make_scripted);
        } catch (const InvalidRequestError&) {
          ++refused;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(registry.ids().size(), 2U + 200U + 50U);
  EXPECT_EQ(refused, 150);
}

TEST(Factory, WorksOnTheGlobalRegistry) {
  EXPECT_THAT(list_providers(), ::testing::Contains("mlx"));
  const auto provider = std::make_shared<test::ScriptedProvider>("shared");
  register_provider("factory-test", test::factory_of(provider));
  provider->enqueue("hello");
  const auto llm = create_llm("factory-test", {});
  EXPECT_EQ(llm->generate("Hi").content, "hello");
  EXPECT_EQ(provider->requests().size(), 1U);
  EXPECT_THROW(register_provider("factory-test", make_scripted),
               InvalidRequestError);
  EXPECT_THROW(create_llm("nobody", {}), UnsupportedProviderError);
}

}  // namespace
}  // namespace abstractllm::providers
