// Where providers go, what they send beside the chat, and what they list.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "abstractllm/error.h"
#include "contract/wire_script.h"
#include "providers/remote_providers.h"

namespace abstractllm::providers {
namespace {

using test::HttpServer;
using test::Reply;
using test::WireScript;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Environment environment_of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

const Environment kEmpty = environment_of({});

std::string base_url_of(const RemoteDefinition& definition,
                        const Environment& environment,
                        const ConnectionOptions& options = {.api_key = "k"}) {
  return open_endpoint(definition, options, environment)->base_url();
}

TEST(Endpoint, OptionsCountMoreThanTheEnvironmentAndThatMoreThanTheDefault) {
  const Environment environment =
      environment_of({{"OPENAI_BASE_URL", "http://env.example/v1/"}});
  EXPECT_EQ(base_url_of(openai_provider(), kEmpty),
            "https://api.openai.com/v1");
  EXPECT_EQ(base_url_of(openai_provider(), environment),
            "http://env.example/v1");
  EXPECT_EQ(base_url_of(openai_provider(), environment,
                        {.base_url = "http://opt.example", .api_key = "k"}),
            "http://opt.example");
}

TEST(Endpoint, TakesTheHostFormsOfOllama) {
  const auto url = [](const char* host) {
    return base_url_of(ollama_provider(),
                       environment_of({{"OLLAMA_HOST", host}}));
  };
  EXPECT_EQ(base_url_of(ollama_provider(), kEmpty), "http://127.0.0.1:11434");
  EXPECT_EQ(url("0.0.0.0"), "http://127.0.0.1:11434");
  EXPECT_EQ(url("box:9000"), "http://box:9000");
  EXPECT_EQ(url("box"), "http://box:11434");
  EXPECT_EQ(url(":9000"), "http://127.0.0.1:9000");
  EXPECT_EQ(url("https://box/x/"), "https://box/x");
}

TEST(Endpoint, TakesAnthropicsAddressWithAndWithoutItsVersion) {
  EXPECT_EQ(base_url_of(anthropic_provider(), kEmpty,
                        {.base_url = "http://a.example/v1", .api_key = "k"}),
            "http://a.example");
}

TEST(Endpoint, AMissingKeyOrAddressIsAnErrorThatSaysWhatToSet) {
  try {
    open_endpoint(openai_provider(), {}, kEmpty);
    FAIL();
  } catch (const AuthenticationError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("OPENAI_API_KEY"));
    EXPECT_EQ(error.provider(), "openai");
  }
  EXPECT_THROW(open_endpoint(anthropic_provider(), {}, kEmpty),
               AuthenticationError);
  EXPECT_THROW(open_endpoint(huggingface_provider(), {}, kEmpty),
               AuthenticationError);
  EXPECT_THROW(open_endpoint(openai_compatible_provider(), {}, kEmpty),
               InvalidRequestError);
}

TEST(Endpoint, RefusesTimeOutsThatMakeNoSense) {
  for (const double bad : {-1.0, std::nan(""), 1e9}) {
    EXPECT_THROW(open_endpoint(openai_provider(),
                               {.api_key = "k", .idle_timeout = bad}, kEmpty),
                 InvalidParameterError);
  }
}

TEST(Endpoint, RefusesAKeyThatWouldBreakTheHeaderWithoutShowingIt) {
  try {
    open_endpoint(openai_provider(), {.api_key = "sk-secret\nX: 1"}, kEmpty);
    FAIL();
  } catch (const InvalidParameterError& error) {
    EXPECT_THAT(error.message() + error.hint(), Not(HasSubstr("sk-secret")));
  }
}

TEST(Endpoint, SecretsOfFurtherHeadersAreMaskedToo) {
  HttpServer server;
  server.enqueue(Reply(400).json(
      R"({"error":{"message":"bad token proxy-secret-1 of k-123456"}})"));
  const auto endpoint = open_endpoint(
      openai_provider(),
      {.base_url = server.url(),
       .api_key = "k-123456",
       .headers = {{"Proxy-Authorization", "Basic proxy-secret-1"}}},
      kEmpty);
  try {
    endpoint->ask("/x", "{}", {}, "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("bad token <key> of <key>"));
  }
}

TEST(Endpoint, SendsKeyOrganizationAndFurtherHeaders) {
  HttpServer server;
  const auto seen_by = [&](const RemoteDefinition& definition,
                           ConnectionOptions options) {
    server.enqueue(Reply().json("{}"));
    options.base_url = server.url();
    open_endpoint(definition, options, kEmpty)->ask("/x", "{}", {}, "");
    return server.requests().back();
  };
  auto seen = seen_by(
      openai_provider(),
      {.api_key = "k1", .organization = "org", .headers = {{"X-Extra", "7"}}});
  EXPECT_EQ(seen.header("authorization"), "Bearer k1");
  EXPECT_EQ(seen.header("openai-organization"), "org");
  EXPECT_EQ(seen.header("x-extra"), "7");
  EXPECT_EQ(seen.header("content-type"), "application/json");
  seen = seen_by(anthropic_provider(), {.api_key = "k2"});
  EXPECT_EQ(seen.header("x-api-key"), "k2");
  EXPECT_EQ(seen.header("authorization"), "");
  EXPECT_EQ(seen.header("anthropic-version"), "2023-06-01");
  EXPECT_EQ(seen_by(ollama_provider(), {}).header("authorization"), "");
  EXPECT_THROW(open_endpoint(anthropic_provider(),
                             {.api_key = "k", .organization = "o"}, kEmpty),
               UnsupportedFeatureError);
}

TEST(Provider, RefusesAConfigWithoutModelOrWithOptionsOfLocalOnes) {
  EXPECT_THROW(make_remote(ollama_provider(), {}, kEmpty), InvalidRequestError);
  try {
    EXPECT_EQ(make_remote(ollama_provider(),
                          {.model = "m", .context_length = 4096}, kEmpty)
                  ->capabilities()
                  .context_length,
              4096);
    EXPECT_THROW(make_remote(lmstudio_provider(),
                             {.model = "m", .context_length = 4096}, kEmpty),
                 UnsupportedFeatureError);
    make_remote(ollama_provider(), {.model = "m", .threads = 4}, kEmpty);
    FAIL();
  } catch (const UnsupportedFeatureError& error) {
    EXPECT_THAT(error.message(), HasSubstr("threads"));
    EXPECT_THAT(error.message(), HasSubstr("ollama"));
  }
}

TEST(Provider, DefaultsOfTheObjectLieUnderThoseOfTheCall) {
  HttpServer server;
  const WireScript& script = test::wire_scripts()[0];
  ProviderConfig config{.model = "alpha"};
  config.parameters.temperature = 0.5;
  config.parameters.max_tokens = 9;
  config.connection = test::connection_to(script, server);
  const auto llm = create_llm("openai", config);
  server.enqueue(test::stream_reply(script, script.text({"x"})));
  GenerationParameters call;
  call.max_tokens = 3;
  llm->generate("Hi", call);
  EXPECT_THAT(server.requests()[0].body, HasSubstr("\"temperature\":0.5"));
  EXPECT_THAT(server.requests()[0].body,
              HasSubstr("\"max_completion_tokens\":3"));
}

TEST(Provider, KeepsItsConnectionOpenBetweenRequests) {
  for (const WireScript& script : test::wire_scripts()) {
    HttpServer server;
    const auto llm = test::provider_at(script, server);
    for (int i = 0; i < 4; ++i) {
      server.enqueue(test::stream_reply(script, script.text({"x"})));
      llm->generate("Hi");
    }
    EXPECT_EQ(server.connections(), 1) << script.provider;
  }
}

TEST(Provider, ReportsTheServicesIdOfTheRequestAndItsTimes) {
  HttpServer server;
  const WireScript& script = test::wire_scripts()[0];
  const auto llm = test::provider_at(script, server);
  server.enqueue(test::stream_reply(script, script.text({"x"})));
  const GenerateResponse response = llm->generate("Hi");
  EXPECT_EQ(response.request_id, "req_7");
  EXPECT_GT(response.timings.time_to_first_token_seconds, 0);
}

TEST(Provider, AsksOnceMoreWithoutWhatAModelHasNot) {
  HttpServer server;
  const auto script =
      std::find_if(test::wire_scripts().begin(), test::wire_scripts().end(),
                   [](const WireScript& each) {
                     return each.provider == "openai-responses";
                   });
  const auto llm = test::provider_at(*script, server);
  const Reply refusal = Reply(400).json(
      R"({"error":{"message":"Encrypted content is not supported with this )"
      R"(model.","type":"invalid_request_error","param":"include"}})");
  server.enqueue(refusal);
  server.enqueue(test::stream_reply(*script, script->text({"Hi"})));
  EXPECT_EQ(llm->generate("x").content, "Hi");
  EXPECT_THAT(server.requests()[0].body, HasSubstr("include"));
  EXPECT_THAT(server.requests()[1].body, Not(HasSubstr("include")));
  server.enqueue(refusal);
  server.enqueue(refusal);
  EXPECT_THROW(llm->generate("x"), InvalidRequestError);
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST(Models, AreListedSortedByEveryRemoteProvider) {
  for (const WireScript& script : test::wire_scripts()) {
    HttpServer server;
    server.enqueue(Reply().json(script.models()));
    std::vector<std::string> ids;
    for (const ModelEntry& model :
         list_models(script.provider, test::connection_to(script, server))) {
      ids.push_back(model.id);
    }
    EXPECT_THAT(ids, ElementsAre("alpha", "beta")) << script.provider;
    EXPECT_EQ(server.requests()[0].method, "GET");
  }
}

TEST(Acceptance, A26_AnUnknownModelNamesThoseThatThereAre) {
  HttpServer server;
  const WireScript& script = test::wire_scripts().back();
  server.enqueue(Reply(404).json(R"({"error":"model 'alpah' not found"})"));
  server.enqueue(Reply().json(script.models()));
  ProviderConfig config{.model = "alpah"};
  const auto llm = make_remote(ollama_provider(), config,
                               environment_of({{"OLLAMA_HOST", server.url()}}));
  try {
    llm->generate("Hi");
    FAIL();
  } catch (const ModelNotFoundError& error) {
    EXPECT_THAT(error.message(), HasSubstr("alpah"));
    EXPECT_THAT(error.hint(), HasSubstr("alpha"));
    EXPECT_THAT(error.hint(), HasSubstr("allm pull"));
  }
}

TEST(Embeddings, AreAskedForInEachProtocol) {
  HttpServer server;
  const auto embed = [&](const RemoteDefinition& definition,
                         const std::string& base, const std::string& answer,
                         std::optional<int> dimensions = {}) {
    server.enqueue(Reply().json(answer));
    ProviderConfig config{.model = "e"};
    config.connection = {.base_url = server.url() + base, .api_key = "k"};
    return make_remote(definition, config, kEmpty)
        ->embed({.inputs = {"a", "b"}, .dimensions = dimensions});
  };
  using Vectors = std::vector<std::vector<float>>;
  EXPECT_EQ(
      embed(
          openai_provider(), "/v1",
          R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[2]}]})",
          1)
          .vectors,
      (Vectors{{1}, {2}}));
  EXPECT_EQ(server.requests()[0].target, "/v1/embeddings");
  EXPECT_THAT(server.requests()[0].body, HasSubstr("\"dimensions\":1"));
  EXPECT_EQ(embed(ollama_provider(), "", R"({"embeddings":[[1],[2]]})").vectors,
            (Vectors{{1}, {2}}));
  EXPECT_EQ(server.requests()[1].target, "/api/embed");
  EXPECT_EQ(embed(huggingface_provider(), "/v1", "[[1],[2]]").vectors,
            (Vectors{{1}, {2}}));
  EXPECT_EQ(server.requests()[2].target,
            "/hf-inference/models/e/pipeline/feature-extraction");
  EXPECT_THROW(embed(ollama_provider(), "", R"({"embeddings":[[1]]})"),
               ProviderAPIError);
}

TEST(Embeddings, AreRefusedWithoutTextAndWhereThereAreNone) {
  ProviderConfig config{.model = "e"};
  config.connection.api_key = "k";
  const auto openai = make_remote(openai_provider(), config, kEmpty);
  EXPECT_THROW(openai->embed({}), InvalidRequestError);
  EXPECT_THROW(openai->embed({.inputs = {"a", ""}}), InvalidRequestError);
  EXPECT_THROW(openai->embed({.inputs = {"a"}, .dimensions = 0}),
               InvalidRequestError);
  const auto anthropic = make_remote(anthropic_provider(), config, kEmpty);
  EXPECT_THROW(anthropic->embed({.inputs = {"a"}}), UnsupportedOperationError);
}

TEST(Embeddings, PassOnWhatAServiceTakesAndRefuseTheRest) {
  HttpServer server;
  ProviderConfig config{.model = "e"};
  config.connection = {.base_url = server.url(), .api_key = "k"};
  const auto openai = make_remote(openai_provider(), config, kEmpty);
  const auto ollama = make_remote(ollama_provider(), config, kEmpty);
  const auto face = make_remote(huggingface_provider(), config, kEmpty);
  const EmbeddingRequest prompted{.inputs = {"a"}, .prompt_name = "query"};
  const EmbeddingRequest cut{.inputs = {"a"}, .truncate = true};
  EXPECT_THROW(openai->embed(prompted), UnsupportedFeatureError);
  EXPECT_THROW(openai->embed(cut), UnsupportedFeatureError);
  EXPECT_THROW(ollama->embed(prompted), UnsupportedFeatureError);
  EXPECT_TRUE(server.requests().empty());
  server.enqueue(Reply().json(R"({"embeddings":[[1]]})"));
  ollama->embed(cut);
  EXPECT_THAT(server.requests()[0].body, HasSubstr("\"truncate\":true"));
  server.enqueue(Reply().json("[[1]]"));
  face->embed(prompted);
  EXPECT_THAT(server.requests()[1].body,
              HasSubstr("\"prompt_name\":\"query\""));
}

TEST(Ollama, ShowsAndPullsModels) {
  HttpServer server;
  server.enqueue(Reply().json(R"({"details":{"family":"llama"}})"));
  ProviderConfig config{.model = "m"};
  config.connection.base_url = server.url();
  const ModelDescription description =
      make_remote(ollama_provider(), config, kEmpty)->describe();
  EXPECT_THAT(description,
              ::testing::Contains(std::pair<std::string, std::string>(
                  "architecture", "llama")));
  EXPECT_EQ(server.requests()[0].body, R"({"model":"m"})");

  server.enqueue(
      Reply()
          .ndjson()
          .chunk("{\"status\":\"pulling\",\"total\":10,\"completed\":4}\n")
          .chunk("{\"status\":\"success\"}\n"));
  std::vector<std::string> words;
  pull_model("ollama", "m", {.base_url = server.url()},
             [&](const PullProgress& progress) {
               words.push_back(progress.status + " " +
                               std::to_string(progress.completed) + "/" +
                               std::to_string(progress.total));
               return true;
             });
  EXPECT_THAT(words, ElementsAre("pulling 4/10", "success 0/0"));

  server.enqueue(Reply().ndjson().chunk("{\"error\":\"no such model\"}\n"));
  EXPECT_THROW(pull_model("ollama", "x", {.base_url = server.url()}),
               ProviderAPIError);
  server.enqueue(Reply().ndjson().chunk("{\"status\":\"pulling\"}\n"));
  EXPECT_THROW(pull_model("ollama", "m", {.base_url = server.url()}),
               ProviderConnectionError);
  server.enqueue(Reply().ndjson().chunk("{\"status\":\"pulling\"}\n"));
  EXPECT_THROW(pull_model("ollama", "m", {.base_url = server.url()},
                          [](const PullProgress&) { return false; }),
               CancelledError);
  EXPECT_THROW(pull_model("openai", "m"), UnsupportedOperationError);
}

TEST(Info, SaysWhatIsMissing) {
  EXPECT_EQ(remote_info(openai_provider(), {}, kEmpty).state,
            ProviderState::kKeyMissing);
  EXPECT_EQ(remote_info(openai_provider(), {.api_key = "k"}, kEmpty).state,
            ProviderState::kReady);
  EXPECT_EQ(remote_info(openai_compatible_provider(), {}, kEmpty).state,
            ProviderState::kAddressMissing);
  EXPECT_EQ(remote_info(ollama_provider(),
                        {.base_url = "http://127.0.0.1:" +
                                     std::to_string(test::closed_port())},
                        kEmpty)
                .state,
            ProviderState::kServerNotRunning);
  HttpServer server;
  server.enqueue(Reply().json("{}"));
  const ProviderInfo info =
      remote_info(ollama_provider(), {.base_url = server.url()}, kEmpty);
  EXPECT_EQ(info.state, ProviderState::kReady);
  EXPECT_EQ(info.detail, server.url());
}

TEST(Acceptance, A1_EveryProviderIsThereFromTheFirstCall) {
  EXPECT_THAT(list_providers(),
              ::testing::IsSupersetOf(
                  {"anthropic", "huggingface", "lmstudio", "mlx", "ollama",
                   "openai", "openai-compatible", "openai-responses"}));
  // A provider that lacks something says so with its own error.
  EXPECT_THROW(create_llm("openai-compatible/m", {}), Error);
  EXPECT_THROW(create_llm("mlx/no-such-model", {}), Error);
  for (const char* name : {"openai-compatible", "mlx", "vllm"}) {
    try {
      create_llm(name, {.model = "no-such-model"});
    } catch (const UnsupportedProviderError& error) {
      EXPECT_THAT(error.message(), HasSubstr("not built into"));
    } catch (const Error&) {
    }
  }
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/dev/fd")) {
    ++count;
  }
  return count;
}

TEST(Acceptance, A25_NoServiceIsAskedBeforeTheFirstRequest) {
  HttpServer server;
  const std::size_t before = open_descriptors();
  list_providers();
  std::vector<std::unique_ptr<AbstractLLMInterface>> models;
  for (const WireScript& script : test::wire_scripts()) {
    models.push_back(test::provider_at(script, server));
    EXPECT_FALSE(models.back()->provider().empty());
  }
  EXPECT_EQ(server.requests().size(), 0U);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Acceptance, A26_AnUnknownLocalModelNamesThoseThatThereAre) {
  ::setenv("ABSTRACTLLM_MODELS_DIR", ABSTRACTLLM_TEST_DATA "/fixtures/text", 1);
  try {
    create_llm("mlx", {.model = "llama-3"});
    FAIL();
  } catch (const UnsupportedProviderError& error) {
    EXPECT_THAT(error.message(), HasSubstr("not built into"));
  } catch (const ModelNotFoundError& error) {
    EXPECT_THAT(error.message(), HasSubstr("llama-3"));
    EXPECT_THAT(error.hint(), HasSubstr("llama3"));
  }
}

TEST(Acceptance, A11_ImagesHaveEachServicesShape) {
  const std::map<std::string, std::string> shapes{
      {"openai",
       R"({"type":"image_url","image_url":{"url":"data:image/png;base64,)"},
      {"openai-responses",
       R"({"type":"input_image","image_url":"data:image/png;base64,)"},
      {"anthropic",
       R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":")"},
      {"ollama", R"("images":["iVBORw0KGgp4"])"}};
  for (const WireScript& script : test::wire_scripts()) {
    const auto shape = shapes.find(script.provider);
    if (shape == shapes.end()) continue;
    HttpServer server;
    const auto llm = test::provider_at(script, server);
    server.enqueue(test::stream_reply(script, script.text({"x"})));
    Request request;
    request.messages = {
        {Role::kUser, {ImagePart{.bytes = "\x89PNG\r\n\x1A\nx"}}}};
    llm->generate(request);
    EXPECT_THAT(server.requests()[0].body, HasSubstr(shape->second));
    request.messages[0].parts = {ImagePart{.path = "/no/such/picture.png"}};
    EXPECT_THROW(llm->generate(request), FileProcessingError);
  }
}

}  // namespace
}  // namespace abstractllm::providers
