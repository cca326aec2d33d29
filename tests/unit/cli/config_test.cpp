// `allm config`, and what the configuration does to other commands.
// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "abstractllm/error.h"
#include "cli_harness.h"

namespace abstractllm::cli {
namespace {

class Config : public CliTest {
 protected:
  std::filesystem::path file() { return folder.path() / "config.toml"; }
  int set(const std::string& key, const std::string& value) {
    return run({"config", "set", key, value}).exit_code;
  }
};

TEST_F(Config, ValuesAreSetAndGot) {
  EXPECT_EQ(run({"config", "path"}).out, file().string() + "\n");
  EXPECT_EQ(run({"config", "show"}).out, "");
  EXPECT_EQ(run({"config", "get", "default_model"}).exit_code, 15);
  EXPECT_EQ(set("default_model", "smollm2"), 0);
  EXPECT_EQ(set("parameters.temperature", "0.5"), 0);
  EXPECT_EQ(set("parameters.temperature", "0.25"), 0);
  EXPECT_EQ(set("providers.mlx.cpu_exact", "true"), 0);
  EXPECT_EQ(set("parameters.stop", R"(["a", "b"])"), 0);
  EXPECT_EQ(run({"config", "get", "default_model"}).out, "smollm2\n");
  EXPECT_EQ(run({"config", "get", "parameters.temperature"}).out, "0.25\n");
  EXPECT_EQ(read_file(file()),
            "default_model = \"smollm2\"\n\n[parameters]\n"
            "stop = [\"a\", \"b\"]\ntemperature = 0.25\n\n"
            "[providers.mlx]\ncpu_exact = true\n");
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Config, ATextThatLooksLikeANumberIsATextWhereOneIsNeeded) {
  EXPECT_EQ(set("default_model", "7"), 0);
  EXPECT_EQ(read_file(file()), "default_model = \"7\"\n");
}

TEST_F(Config, WhatIsWrongChangesNothing) {
  set("default_model", "m");
  const std::string before = read_file(file());
  EXPECT_EQ(set("defualt_model", "x"), 15);
  EXPECT_EQ(set("parameters.temperature", "9"), 16);
  EXPECT_EQ(set("trace.texts", "perhaps"), 15);
  EXPECT_EQ(set("a b", "x"), 15);
  EXPECT_EQ(set("providers.openia.base_url", "http://h"), 12);
  EXPECT_EQ(run({"config", "set", "default_model"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"config", "get"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"config", "burn"}).exit_code, kExitUsage);
  EXPECT_EQ(read_file(file()), before);
}

TEST_F(Config, KeysAreMaskedWhenShown) {
  folder.file("config.toml",
              "[providers.openai]\napi_key = \"0123456789abcdef\"\n");
  EXPECT_EQ(run({"config", "show"}).out,
            "[providers.openai]\napi_key = \"***\"\n");
}

TEST_F(Config, AProviderMayHaveItsAliasAndIsOneOfThoseThereAre) {
  folder.file("config.toml",
              "[providers.oai]\nbase_url = \"https://example.com\"\n");
  model->enqueue("ok");
  EXPECT_EQ(run({"run", "openai/gpt", "p"}).exit_code, 0);
  EXPECT_EQ(opened.at(0).connection.base_url, "https://example.com");
  model->enqueue("ok");
  EXPECT_EQ(run({"run", "oai/gpt", "p"}).exit_code, 0);
  EXPECT_EQ(opened.at(1).connection.base_url, "https://example.com");
  EXPECT_EQ(opened_providers.at(1), "openai");
  folder.file("config.toml", "[providers.opnai]\nbase_url = \"x\"\n");
  const RunResult unknown = run({"run", "m", "p"});
  EXPECT_EQ(unknown.exit_code, 12);
  EXPECT_NE(unknown.err.find("[providers.opnai]"), std::string::npos);
  EXPECT_NE(unknown.err.find("Did you mean openai?"), std::string::npos);
  folder.file("config.toml", "[providers.oai]\n[providers.openai]\n");
  EXPECT_EQ(run({"run", "m", "p"}).exit_code, 15);
}

TEST_F(Config, ModelsOfAProviderAreListedByItsAliasToo) {
  folder.file("config.toml",
              "[providers.oai]\nbase_url = \"https://example.com\"\n");
  EXPECT_EQ(run({"list", "oai", "--ids"}).exit_code, 0);
  EXPECT_EQ(listed.at(0), "oai https://example.com");
  const RunResult unknown = run({"list", "opnai"});
  EXPECT_EQ(unknown.exit_code, 12);
  EXPECT_NE(unknown.err.find("Did you mean openai?"), std::string::npos);
}

TEST_F(Config, AModelThatIsNotThereMayBeOfAMisspeltProvider) {
  open_error = ModelNotFoundError("[model] no model", "Look around.");
  const RunResult result = run({"run", "opnai/gpt", "p"});
  EXPECT_EQ(result.exit_code, 14);
  EXPECT_NE(result.err.find("Did you mean openai/gpt? Look around."),
            std::string::npos)
      << result.err;
  EXPECT_EQ(run({"run", "org/name", "p"}).err.find("Did you mean"),
            std::string::npos);
}

TEST_F(Config, WhatIsWrongWithAValueIsSaidOfTheValue) {
  const std::string error =
      run({"config", "set", "parameters.temperature", "9"}).err;
  EXPECT_NE(error.find("not 9"), std::string::npos) << error;
}

TEST_F(Config, TheCommandLineLiesOverTheProviderAndThatOverAll) {
  folder.file("config.toml", R"(
default_model = "mine"
[aliases]
mine = "openai/gpt"
[parameters]
temperature = 0.1
top_k = 3
[providers.openai]
base_url = "https://example.com"
parameters = { temperature = 0.2 }
[providers.mlx]
threads = 2
context_length = 64
)");
  for (int i = 0; i < 2; ++i) model->enqueue("ok");
  run({"run", "default", "Hi", "--top-p", "0.5"});
  EXPECT_EQ(opened_providers[0], "openai");
  EXPECT_EQ(opened[0].model, "gpt");
  EXPECT_EQ(opened[0].connection.base_url, "https://example.com");
  EXPECT_EQ(opened[0].parameters.temperature, 0.2);
  EXPECT_EQ(opened[0].parameters.top_k, 3);
  EXPECT_EQ(model->requests()[0].parameters.top_p, 0.5);
  EXPECT_EQ(model->requests()[0].parameters.temperature, std::nullopt);
  run({"run", "m", "Hi", "--threads", "5"});
  EXPECT_EQ(opened_providers[1], "mlx");
  EXPECT_EQ(opened[1].threads, 5);
  EXPECT_EQ(opened[1].context_length, 64);
  EXPECT_EQ(opened[1].parameters.temperature, 0.1);
}

TEST_F(Config, AnOptionThatSaysTheDefaultIsSaidToo) {
  folder.file("config.toml",
              "[providers.mlx]\nthreads = 2\ndevice = \"cuda\"\n"
              "cpu_precision = \"exact\"\ncontext_length = 64\n");
  model->enqueue("ok");
  run({"run", "m", "Hi", "--threads", "0", "--device", "auto"});
  EXPECT_EQ(opened.at(0).threads, 0);
  EXPECT_EQ(opened.at(0).device, "auto");
  EXPECT_EQ(opened.at(0).cpu_precision, "exact");
  EXPECT_EQ(opened.at(0).context_length, 64);
}

TEST_F(Config, ServicesAreReachedAsItSays) {
  folder.file("config.toml",
              "[providers.openai]\nbase_url = \"http://here/v1\"\n");
  run({"list", "openai", "--ids"});
  run({"list", "openai", "--ids", "--base-url", "http://there/v1"});
  run({"providers"});
  EXPECT_EQ(listed, (std::vector<std::string>{"openai http://here/v1",
                                              "openai http://there/v1",
                                              "openai http://here/v1"}));
  run({"pull", "openai/m"});
  EXPECT_EQ(pulled, std::vector<std::string>{"openai m http://here/v1"});
}

TEST_F(Config, AMistakeInTheFileIsSaidByWhatNeedsIt) {
  folder.file("config.toml", "defualt_model = 'x'");
  const RunResult result = run({"run", "m", "Hi"});
  EXPECT_EQ(result.exit_code, 15);
  EXPECT_NE(result.err.find("Did you mean 'default_model'?"),
            std::string::npos);
  EXPECT_TRUE(opened.empty());
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  EXPECT_EQ(run({"config", "path"}).exit_code, 0);
}

TEST_F(Config, ATraceIsWrittenOnlyWhereItIsAskedFor) {
  model->enqueue("ok");
  run({"run", "m", "Hi"});
  EXPECT_TRUE(folder.entries().empty());
  const std::string trace = (folder.path() / "t.jsonl").string();
  folder.file("config.toml", "trace.file = \"" + trace + "\"");
  model->enqueue("ok");
  run({"run", "m", "Hi"});
  EXPECT_EQ(nlohmann::json::parse(read_file(trace))["answer_bytes"], 2);
}

}  // namespace
}  // namespace abstractllm::cli
