// The commands that look at providers.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Providers : public CliTest {
 protected:
  Providers() {
    providers = {{.id = "anthropic",
                  .aliases = {"claude"},
                  .state = ProviderState::kKeyMissing,
                  .detail = "Set ANTHROPIC_API_KEY.",
                  .capabilities = {ModelCapability::kStreaming,
                                   ModelCapability::kTools}},
                 {.id = "mlx", .detail = "models on this machine"}};
  }
};

TEST_F(Providers, AreATable) {
  EXPECT_EQ(run({"providers"}).out,
            "PROVIDER   STATE        DETAIL\n"
            "anthropic  key missing  Set ANTHROPIC_API_KEY.\n"
            "mlx        ready        models on this machine\n");
}

TEST_F(Providers, AreATableWithWhatTheyCan) {
  const std::string out = run({"providers", "--verbose"}).out;
  EXPECT_THAT(out, HasSubstr("can: streaming, tools\n"));
  EXPECT_THAT(out, HasSubstr("also: claude\n"));
}

TEST_F(Providers, AreJson) {
  const auto json = nlohmann::json::parse(run({"providers", "--json"}).out);
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[0]["id"], "anthropic");
  EXPECT_EQ(json[0]["state"], "key missing");
  EXPECT_EQ(json[0]["aliases"][0], "claude");
  EXPECT_EQ(json[0]["capabilities"][1], "tools");
}

TEST_F(Providers, ListTheirModels) {
  entries = {{.id = "alpha", .owner = "me", .context_length = 4096},
             {.id = "b", .bytes = 1'500'000'000}};
  EXPECT_EQ(run({"list", "openai", "--base-url", "http://h/v1"}).out,
            "ID          SIZE    CONTEXT  OWNER\n"
            "alpha                  4096  me\n"
            "b         1.5 GB\n");
  EXPECT_THAT(listed, ElementsAre("openai http://h/v1"));
  const RunResult nobody = run({"list", "--base-url", "http://h/v1"});
  EXPECT_EQ(nobody.exit_code, kExitUsage);
  EXPECT_THAT(nobody.err, HasSubstr("goes with the name of a provider"));
  EXPECT_EQ(run({"list", "openai", "--ids"}).out, "alpha\nb\n");
  const auto json =
      nlohmann::json::parse(run({"list", "openai", "--json"}).out);
  EXPECT_EQ(json[0]["context_length"], 4096);
  EXPECT_FALSE(json[0].contains("bytes"));
  entries.clear();
  EXPECT_THAT(run({"list", "openai"}).err, HasSubstr("openai has no models"));
}

TEST_F(Providers, AListThatFailsEndsWithItsExitCode) {
  open_error = AuthenticationError("[openai] no API key is given", "Set it.");
  const RunResult result = run({"list", "openai"});
  EXPECT_EQ(result.exit_code, 10);
  EXPECT_THAT(result.err, HasSubstr("hint: Set it."));
}

TEST_F(Providers, FetchModels) {
  const RunResult result = run({"pull", "openai/org/m"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(pulled, ElementsAre("openai org/m"));
  EXPECT_THAT(result.err, HasSubstr("openai has the model org/m"));
  err_is_terminal = true;
  EXPECT_THAT(run({"pull", "openai/m"}).err, HasSubstr("fetching m"));
}

TEST_F(Providers, ModelsOfTheHubAreFetchedWithALineAFile) {
  const RunResult result = run({"pull", "org/m@v1:*.json"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(pulled, ElementsAre("mlx org/m@v1:*.json"));
  EXPECT_THAT(result.err,
              testing::AllOf(HasSubstr("fetched model.safetensors\n"),
                             HasSubstr("org/m@v1:*.json is in /cache/snap")));
  err_is_terminal = true;
  EXPECT_THAT(run({"pull", "org/m"}).err,
              testing::AllOf(HasSubstr("fetching org/m"),
                             testing::Not(HasSubstr("fetched"))));
}

TEST_F(Providers, ARepositoryOfAProvidersNameIsSaidToBeTheHubs) {
  run({"pull", "hf:openai/m"});
  EXPECT_THAT(pulled, ElementsAre("mlx hf:openai/m"));
  open_error = UnsupportedOperationError("[providers] openai cannot fetch");
  const RunResult result = run({"pull", "openai/m"});
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("allm pull hf:openai/m"));
}

TEST_F(Providers, AreRunByTheirAddress) {
  model->enqueue("hello");
  const RunResult result =
      run({"run", "openai/gpt", "p", "--base-url", "http://h/v1"});
  EXPECT_EQ(result.out, "hello\n");
  EXPECT_THAT(opened_providers, ElementsAre("openai"));
  EXPECT_EQ(opened.at(0).connection.base_url, "http://h/v1");
  EXPECT_EQ(opened.at(0).model, "gpt");
}

}  // namespace
}  // namespace abstractllm::cli
