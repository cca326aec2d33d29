// SPDX-License-Identifier: Apache-2.0
#include "config/configuration.h"

#include <gtest/gtest.h>

#include <cstring>

#include "abstractllm/error.h"
#include "support/temporary_folder.h"

namespace abstractllm::config {
namespace {

const char* no_environment(const char*) { return nullptr; }

const char* environment(const char* name) {
  if (std::strcmp(name, "MY_KEY") == 0) return "from the environment";
  if (std::strcmp(name, "HOME") == 0) return "/h";
  return nullptr;
}

Configuration parse(std::string_view toml) {
  return parse_configuration(toml, "c.toml", environment);
}

std::string refused(std::string_view toml) {
  try {
    parse(toml);
  } catch (const Error& error) {
    return error.message() + " | " + error.hint();
  }
  return "(taken)";
}

TEST(Configuration, EveryKeyIsRead) {
  const Configuration c = parse(R"(
default_model = "fast"
[aliases]
fast = "ollama/llama3.2"
[parameters]
temperature = 0.2
top_k = 5
[providers.openai]
base_url = "https://example.com/v1"
api_key_env = "MY_KEY"
organization = "o"
proxy = "http://p:1"
ca_file = "ca.pem"
connect_timeout = 1
first_byte_timeout = 2.5
idle_timeout = 3
total_timeout = 4
headers = { "X-A" = "b" }
parameters = { temperature = 0.9 }
[providers.mlx]
device = "cpu"
cpu_backend = "reference"
cpu_exact = true
threads = 3
context_length = 100
prefill_chunk = 10
cpu_precision = "int8"
kv_cache_type = "f16"
adapter = "sql"
preset = "steady"
adapters = { sql = "/adapters/sql" }
parallel_sequences = 4
max_queued_requests = 8
kv_cache_bytes = 1000000000000
[mcp.files]
command = ["server", "--x"]
environment = { A = "1" }
prefix = "f"
timeout = 5
[mcp.web]
url = "https://example.com/mcp"
headers = { Authorization = "t" }
confirm = false
[trace]
file = "t.jsonl"
texts = true
)");
  EXPECT_EQ(c.resolve_model("default"), "ollama/llama3.2");
  EXPECT_EQ(c.resolve_model("other"), "other");
  const ProviderConfig openai = c.provider("openai");
  EXPECT_EQ(openai.connection,
            (ConnectionOptions{.base_url = "https://example.com/v1",
                               .api_key = "from the environment",
                               .organization = "o",
                               .headers = {{"X-A", "b"}},
                               .proxy = "http://p:1",
                               .ca_file = "ca.pem",
                               .connect_timeout = 1,
                               .first_byte_timeout = 2.5,
                               .idle_timeout = 3,
                               .total_timeout = 4}));
  EXPECT_EQ(openai.parameters.temperature, 0.9);
  EXPECT_EQ(openai.parameters.top_k, 5);
  const ProviderConfig mlx = c.provider("mlx");
  EXPECT_EQ(mlx.device, "cpu");
  EXPECT_EQ(mlx.cpu_backend, "reference");
  EXPECT_TRUE(mlx.cpu_exact);
  EXPECT_EQ(mlx.threads, 3);
  EXPECT_EQ(mlx.context_length, 100);
  EXPECT_EQ(mlx.prefill_chunk, 10);
  EXPECT_EQ(mlx.cpu_precision, "int8");
  EXPECT_EQ(mlx.kv_cache_type, "f16");
  EXPECT_EQ(mlx.adapter, "sql");
  EXPECT_EQ(mlx.preset, "steady");
  EXPECT_EQ(mlx.adapters.at("sql"), "/adapters/sql");
  EXPECT_EQ(mlx.parallel_sequences, 4);
  EXPECT_EQ(mlx.max_queued_requests, 8);
  EXPECT_EQ(mlx.kv_cache_bytes, 1000000000000u);
  EXPECT_EQ(mlx.parameters.temperature, 0.2);
  EXPECT_EQ(c.provider("unnamed").parameters.temperature, 0.2);
  EXPECT_EQ(c.mcp.at("files").command,
            (std::vector<std::string>{"server", "--x"}));
  EXPECT_TRUE(c.mcp.at("files").needs_confirmation);
  EXPECT_EQ(c.mcp.at("files").timeout.count(), 5000);
  EXPECT_EQ(c.mcp.at("web").url, "https://example.com/mcp");
  EXPECT_FALSE(c.mcp.at("web").needs_confirmation);
  EXPECT_EQ(c.trace_file, "t.jsonl");
  EXPECT_TRUE(c.trace_texts);
}

TEST(Configuration, UnknownKeysAreErrorsWithTheNearest) {
  EXPECT_EQ(refused("defualt_model = 'x'"),
            "[config] c.toml: there is no key 'defualt_model' | Did you mean "
            "'default_model'?");
  EXPECT_EQ(refused("[providers.openai]\nbase_ur = 'x'"),
            "[config] c.toml: there is no key 'providers.openai.base_ur' | "
            "Did you mean 'base_url'?");
  EXPECT_NE(refused("[parameters]\ntemprature = 1").find("temperature"),
            std::string::npos);
  EXPECT_NE(refused("[zzz]").find("Known here are default_model"),
            std::string::npos);
}

TEST(Configuration, WrongTypesAndValuesNameTheKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"default_model = 3", "default_model must be a text"},
      {"aliases = 3", "aliases must be a table of texts"},
      {"aliases.x = 3", "aliases.x must be a text"},
      {"providers = 3", "providers must be a table"},
      {"providers.mlx = 3", "providers.mlx must be a table"},
      {"providers.mlx.threads = -1", "a whole number from 0 up"},
      {"providers.mlx.threads = 1.5", "a whole number from 0 up"},
      {"providers.mlx.threads = 99999999999", "a whole number from 0 up"},
      {"providers.x.idle_timeout = 'a'", "a number from 0 up"},
      {"trace.texts = 1", "trace.texts must be true or false"},
      {"mcp.x.command = 'a b'", "mcp.x.command must be a list of texts"},
      {"parameters.temperature = 9", "[0, 2]"},
      {"a = = 1", "c.toml, line 1"}};
  for (const auto& [toml, expected] : cases) {
    EXPECT_NE(refused(toml).find(expected), std::string::npos)
        << toml << ": " << refused(toml);
  }
}

TEST(Configuration, AKeyInTheFileComesBeforeTheVariable) {
  EXPECT_EQ(parse("providers.x = {api_key = 'a', api_key_env = 'MY_KEY'}")
                .provider("x")
                .connection.api_key,
            "a");
  // Another key than the named one must not be sent.
  const Configuration missing = parse("providers.x.api_key_env = 'OTHER'");
  try {
    missing.provider("x");
    FAIL();
  } catch (const AuthenticationError& error) {
    EXPECT_NE(error.message().find("OTHER"), std::string::npos);
  }
  EXPECT_NO_THROW(missing.provider("y"));
}

TEST(Configuration, WithoutADefaultModelThereIsNone) {
  EXPECT_THROW(parse("").resolve_model("default"), InvalidRequestError);
}

TEST(Configuration, AnAbsentFileIsEmptyAndABadOneAnError) {
  const test::TemporaryFolder folder;
  EXPECT_TRUE(read_configuration(folder.path() / "none.toml", no_environment)
                  .providers.empty());
  EXPECT_TRUE(read_configuration({}, no_environment).providers.empty());
  folder.file("c.toml", "x = 1");
  EXPECT_THROW(read_configuration(folder.path() / "c.toml", no_environment),
               InvalidRequestError);
}

TEST(Configuration, AnAbsentFileThatTheEnvironmentNamesIsAnError) {
  const Environment named = [](const char* name) -> const char* {
    return std::strcmp(name, "ABSTRACTLLM_CONFIG") == 0 ? "/no/such.toml"
                                                        : nullptr;
  };
  try {
    read_configuration(configuration_file(named), named);
    FAIL();
  } catch (const FileProcessingError& error) {
    EXPECT_NE(
        error.message().find("'/no/such.toml', named by ABSTRACTLLM_CONFIG"),
        std::string::npos)
        << error.message();
  }
}

TEST(Configuration, TheFileIsWhereTheEnvironmentSays) {
  EXPECT_EQ(configuration_file(environment),
            "/h/.config/abstractllm/config.toml");
  EXPECT_EQ(configuration_file([](const char* name) -> const char* {
              return std::strcmp(name, "XDG_CONFIG_HOME") == 0 ? "/x" : "h";
            }),
            "h");
  EXPECT_EQ(configuration_file([](const char* name) -> const char* {
              return std::strcmp(name, "XDG_CONFIG_HOME") == 0 ? "/x" : nullptr;
            }),
            "/x/abstractllm/config.toml");
  EXPECT_EQ(configuration_file(no_environment), "");
}

}  // namespace
}  // namespace abstractllm::config
