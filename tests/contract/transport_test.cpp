// How every remote provider uses the network: protocols, connections, proxies,
// time-outs and waits.
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <sstream>

#include "abstractllm/error.h"
#include "abstractllm/observe.h"
#include "contract/wire_script.h"
#include "support/http2_server.h"
#include "support/temporary_folder.h"

namespace abstractllm::test {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

class Transport : public ::testing::TestWithParam<WireScript> {
 protected:
  std::unique_ptr<AbstractLLMInterface> provider_of(
      ConnectionOptions connection) const {
    ProviderConfig config{.model = "alpha"};
    config.connection = std::move(connection);
    config.connection.api_key = kTestKey;
    return create_llm(GetParam().provider, std::move(config));
  }
  // Lines or events, each with its end.
  std::vector<std::string> pieces_of(const std::string& stream) const {
    const std::string end = GetParam().is_lines ? "\n" : "\n\n";
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t next = stream.find(end, at) + end.size();
      pieces.push_back(stream.substr(at, next - at));
      at = next;
    }
    return pieces;
  }

  HttpServer server;
};

TEST_P(Transport, SpeaksHttp2OverOneConnection) {
  const Http2Server secure(
      GetParam().is_lines ? "application/x-ndjson" : "text/event-stream",
      pieces_of(GetParam().text({"Hel", "lo"})));
  const auto llm = provider_of({.base_url = secure.url() + GetParam().base_path,
                                .ca_file = secure.ca_file()});
  for (int i = 0; i < 3; ++i) {
    const GenerateResponse response = llm->generate("Hi");
    EXPECT_EQ(response.content, "Hello");
    EXPECT_EQ(response.request_id, "req_7");
  }
  EXPECT_EQ(secure.requests(), 3);
  EXPECT_EQ(secure.connections(), 1);
}

TEST_P(Transport, GoesThroughAProxy) {
  server.enqueue(stream_reply(GetParam(), GetParam().text({"Hi"})));
  const auto llm =
      provider_of({.base_url = "http://service.invalid" + GetParam().base_path,
                   .proxy = server.url()});
  EXPECT_EQ(llm->generate("Hi").content, "Hi");
  EXPECT_THAT(server.requests().at(0).target,
              ::testing::StartsWith("http://service.invalid/"));
}

TEST_P(Transport, AProxyThatIsNotThereIsAConnectionErrorThatNamesItsPort) {
  const std::string port = std::to_string(closed_port());
  const auto llm =
      provider_of({.base_url = "http://service.invalid" + GetParam().base_path,
                   .proxy = "http://127.0.0.1:" + port});
  try {
    llm->generate("Hi");
    FAIL();
  } catch (const ProviderConnectionError& error) {
    EXPECT_TRUE(error.service().transient);
    EXPECT_THAT(error.message(), HasSubstr(port));
    EXPECT_THAT(error.hint(), HasSubstr("proxy"));
  }
}

TEST_P(Transport, AConnectionThatIsNotMadeInTimeIsATimeOut) {
  const FullPort full;
  const auto llm = provider_of(
      {.base_url = "http://127.0.0.1:" + std::to_string(full.port()) +
                   GetParam().base_path,
       .connect_timeout = 0.05});
  try {
    llm->generate("Hi");
    FAIL();
  } catch (const RequestTimeoutError& error) {
    EXPECT_TRUE(error.service().transient);
    EXPECT_THAT(error.hint(), Not(""));
  }
}

TEST_P(Transport, ASlowDripWithinItsLimitsIsAnAnswer) {
  Reply drip = GetParam().is_lines ? Reply().ndjson() : Reply().sse();
  for (const char c : GetParam().text({"Hello"})) {
    drip.chunk(std::string(1, c)).delay(std::chrono::milliseconds(1));
  }
  server.enqueue(drip);
  const auto llm =
      provider_at(GetParam(), server, {.idle_timeout = 5, .total_timeout = 60});
  EXPECT_EQ(llm->generate("Hi").content, "Hello");
}

TEST_P(Transport, RetryAfterMayBeADate) {
  const std::time_t later = std::time(nullptr) + 100;
  std::tm utc{};
  ::gmtime_r(&later, &utc);
  char text[64];
  std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  server.enqueue(Reply(429)
                     .header("Retry-After", text)
                     .json(GetParam().fault("", "too many")));
  try {
    provider_at(GetParam(), server)->generate("Hi");
    FAIL();
  } catch (const QuotaExceededError& error) {
    ASSERT_TRUE(error.service().retry_after);
    EXPECT_THAT(*error.service().retry_after, AllOf(Gt(80), Le(100)));
  }
}

TEST_P(Transport, AMissingPageIsNoMissingModel) {
  server.enqueue(
      Reply(404).body("<html>404 page not found</html>", "text/html"));
  server.enqueue(
      Reply(404).body("<html>404 page not found</html>", "text/html"));
  try {
    provider_at(GetParam(), server)->generate("Hi");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.service().http_status, 404);
    EXPECT_FALSE(error.service().transient);
    EXPECT_THAT(error.hint(), Not(""));
  }
}

TEST_P(Transport, TheKeyIsInNoLineOfATrace) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "trace.jsonl";
  std::shared_ptr<AbstractLLMInterface> plain = provider_at(GetParam(), server);
  const auto llm = observe(plain, trace_to_file(file, *plain, {.texts = true}));
  const std::string echo = std::string("bad key: ") + kTestKey;
  server.enqueue(stream_reply(GetParam(), GetParam().text({echo})));
  server.enqueue(Reply(401).json(GetParam().fault("", echo)));
  EXPECT_EQ(llm->generate(echo).content, echo);
  EXPECT_THROW(llm->generate("Hi"), AuthenticationError);
  std::ifstream stream(file);
  std::stringstream lines;
  lines << stream.rdbuf();
  EXPECT_THAT(lines.str(), HasSubstr("bad key"));
  EXPECT_THAT(lines.str(), Not(HasSubstr(kTestKey)));
}

INSTANTIATE_TEST_SUITE_P(Remote, Transport, ::testing::ValuesIn(wire_scripts()),
                         [](const auto& script) {
                           std::string name = script.param.provider;
                           std::erase_if(name, [](char c) { return c == '-'; });
                           return name;
                         });

}  // namespace
}  // namespace abstractllm::test
