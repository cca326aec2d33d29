// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "abstractllm/error.h"
#include "support/http_server.h"

namespace abstractllm::net {
namespace {

using namespace std::chrono_literals;
using test::Gate;
using test::HttpServer;
using test::Reply;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kPlenty = 1 << 20;

HttpRequest request_to(const HttpServer& server, std::string body = "{}") {
  return {.url = server.url() + "/v1/chat",
          .headers = {{"Content-Type", "application/json"}},
          .body = std::move(body)};
}

std::string ask(const HttpClient& client, const HttpServer& server) {
  return client.start(request_to(server), {}).read_all(kPlenty);
}

TEST(HttpClient, SendsMethodHeadersAndBody) {
  HttpServer server;
  server.enqueue(Reply(201).header("X-Request-Id", "r1").json("{\"ok\":1}"));
  const HttpClient client({});
  HttpRequest request = request_to(server, std::string("{\"a\":\0}", 7));
  request.headers.push_back({"Authorization", "Bearer k"});
  HttpExchange exchange = client.start(request, {});
  EXPECT_EQ(exchange.status(), 201);
  EXPECT_EQ(find_header(exchange.headers(), "x-request-id"), "r1");
  EXPECT_EQ(exchange.read_all(kPlenty), "{\"ok\":1}");
  EXPECT_EQ(exchange.read(), "");
  const auto seen = server.requests().at(0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/v1/chat");
  EXPECT_EQ(seen.body, std::string("{\"a\":\0}", 7));
  EXPECT_EQ(seen.header("authorization"), "Bearer k");
  EXPECT_EQ(seen.header("Expect"), "");
}

TEST(HttpClient, GetsAndDeletes) {
  HttpServer server;
  server.enqueue(Reply().json("[]"));
  server.enqueue(Reply().json("{}"));
  const HttpClient client({});
  client.start({.method = "GET", .url = server.url() + "/models"}, {})
      .read_all(kPlenty);
  client
      .start({.method = "DELETE", .url = server.url() + "/x", .body = "{}"}, {})
      .read_all(kPlenty);
  EXPECT_EQ(server.requests().at(0).method, "GET");
  EXPECT_EQ(server.requests().at(0).header("Content-Length"), "");
  EXPECT_EQ(server.requests().at(1).method, "DELETE");
  EXPECT_EQ(server.requests().at(1).body, "{}");
}

TEST(HttpClient, ReusesItsConnection) {
  HttpServer server;
  const HttpClient client({});
  for (int i = 0; i < 5; ++i) {
    server.enqueue(Reply().json(std::to_string(i)));
    EXPECT_EQ(ask(client, server), std::to_string(i));
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpClient, HandsOutEachChunkBeforeTheNextOneIsSent) {
  HttpServer server;
  std::vector<Gate> gates(3);
  Reply reply = Reply().sse();
  for (Gate& gate : gates) reply.chunk("data: x\n\n").wait(gate);
  server.enqueue(reply);
  const HttpClient client({});
  HttpExchange exchange = client.start(request_to(server), {});
  for (Gate& gate : gates) {
    EXPECT_EQ(exchange.read(), "data: x\n\n");
    gate.open();
  }
  EXPECT_EQ(exchange.read(), "");
}

TEST(HttpClient, TheHeadIsThereBeforeTheBody) {
  HttpServer server;
  Gate gate;
  server.enqueue(Reply(429).sse().wait(gate).chunk("x"));
  const HttpClient client({});
  HttpExchange exchange = client.start(request_to(server), {});
  EXPECT_EQ(exchange.status(), 429);
  gate.open();
  EXPECT_EQ(exchange.read_all(kPlenty), "x");
}

TEST(HttpClient, SkipsInterimAnswers) {
  HttpServer server;
  server.enqueue(Reply(103)
                     .header("Link", "x")
                     .raw("HTTP/1.1 200 OK\r\n"
                          "Content-Length: 2\r\n"
                          "X-A: 1\r\n\r\nok"));
  const HttpClient client({});
  // The scripted server thinks that 103 has a chunked body, and adds an end.
  HttpExchange exchange = client.start(request_to(server), {});
  EXPECT_EQ(exchange.status(), 200);
  EXPECT_EQ(find_header(exchange.headers(), "Link"), std::nullopt);
  EXPECT_EQ(find_header(exchange.headers(), "X-A"), "1");
  EXPECT_EQ(exchange.read_all(kPlenty), "ok");
}

TEST(HttpClient, RefusesABodyOverTheBound) {
  HttpServer server;
  server.enqueue(Reply().json(std::string(5000, 'x')));
  const HttpClient client({.provider = "p"});
  EXPECT_THROW(client.start(request_to(server), {}).read_all(4999),
               ProviderAPIError);
}

TEST(HttpClient, DoesNotFollowRedirects) {
  HttpServer server;
  HttpServer elsewhere;
  server.enqueue(Reply(307).header("Location", elsewhere.url()).json("{}"));
  const HttpClient client({});
  EXPECT_EQ(client.start(request_to(server), {}).status(), 307);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(HttpClient, ADisconnectWithinTheAnswerIsAConnectionError) {
  HttpServer server;
  server.enqueue(Reply().sse().chunk("data: 1\n\n").disconnect());
  const HttpClient client({.provider = "p"});
  HttpExchange exchange = client.start(request_to(server), {});
  EXPECT_EQ(exchange.read(), "data: 1\n\n");
  try {
    exchange.read();
    FAIL();
  } catch (const ProviderConnectionError& error) {
    EXPECT_EQ(error.provider(), "p");
    EXPECT_THAT(error.message(), HasSubstr("within the answer"));
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(HttpClient, AShortBodyIsAConnectionError) {
  HttpServer server;
  const HttpClient client({});
  server.enqueue(Reply(103)
                     .raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
                     .disconnect());
  EXPECT_THROW(ask(client, server), ProviderConnectionError);
}

TEST(HttpClient, NobodyListeningIsAConnectionErrorThatNamesTheAddress) {
  const HttpClient client({.provider = "p"});
  const std::string address =
      "http://127.0.0.1:" + std::to_string(test::closed_port());
  try {
    client.start({.url = address + "/v1/x?key=secret"}, {}).status();
    FAIL();
  } catch (const ProviderConnectionError& error) {
    EXPECT_THAT(error.message(), HasSubstr(address));
    EXPECT_THAT(error.message(), Not(HasSubstr("secret")));
    EXPECT_THAT(error.hint(), HasSubstr("running"));
    EXPECT_TRUE(error.service().transient);
  }
}

TEST(HttpClient, AHostWithoutAddressIsAConnectionError) {
  const HttpClient client({});
  EXPECT_THROW(client.start({.url = "http://nowhere.invalid/"}, {}).status(),
               ProviderConnectionError);
}

TEST(HttpClient, WaitsForTheFirstByteAsLongAsItIsTold) {
  HttpServer server;
  server.enqueue(Reply().hang());
  server.enqueue(Reply().sse().hang());
  const HttpClient client({.provider = "p", .timeouts = {.first_byte = 40ms}});
  EXPECT_THROW(ask(client, server), RequestTimeoutError);
  try {
    ask(client, server);
    FAIL();
  } catch (const RequestTimeoutError& error) {
    EXPECT_THAT(error.message(), HasSubstr("0.04 s"));
  }
}

TEST(HttpClient, WaitsForAFurtherByteAsLongAsItIsTold) {
  HttpServer server;
  server.enqueue(Reply().sse().chunk("a").hang());
  const HttpClient client({.timeouts = {.idle = 40ms}});
  HttpExchange exchange = client.start(request_to(server), {});
  EXPECT_EQ(exchange.read(), "a");
  EXPECT_THROW(exchange.read(), RequestTimeoutError);
}

TEST(HttpClient, ASlowDripEndsAtTheTotalTimeOut) {
  HttpServer server;
  Reply drip = Reply().sse();
  for (int i = 0; i < 1000; ++i) drip.chunk("x").delay(5ms);
  server.enqueue(drip);
  const HttpClient client({.timeouts = {.idle = 5000ms, .total = 80ms}});
  EXPECT_THROW(ask(client, server), RequestTimeoutError);
}

// Whoever reads more slowly than the bytes come never waits for any.
TEST(HttpClient, BytesThatKeepComingPutTheTotalTimeOutNotOff) {
  HttpServer server;
  Reply drip = Reply().sse();
  for (int i = 0; i < 2000; ++i) drip.chunk("x").delay(1ms);
  server.enqueue(drip);
  const HttpClient client({.timeouts = {.idle = 5000ms, .total = 60ms}});
  const auto start = std::chrono::steady_clock::now();
  HttpExchange exchange = client.start(request_to(server), {});
  EXPECT_THROW(
      {
        while (!exchange.read().empty()) {
          const auto until = std::chrono::steady_clock::now() + 3ms;
          while (std::chrono::steady_clock::now() < until) {
          }
        }
      },
      RequestTimeoutError);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
}

TEST(HttpClient, AConnectionThatIsNotMadeInTimeIsATimeOut) {
  // 192.0.2.0/24 is kept for documentation: nothing answers, or the system
  // says at once that there is no way to it.
  const HttpClient client({.timeouts = {.connect = 40ms}});
  try {
    client.start({.url = "http://192.0.2.1:9/"}, {}).status();
    FAIL();
  } catch (const RequestTimeoutError&) {
  } catch (const ProviderConnectionError&) {
  }
}

TEST(HttpClient, CancelEndsAWaitWithinFiftyMilliseconds) {
  HttpServer server;
  server.enqueue(Reply().sse().chunk("a").hang());
  const HttpClient client({});
  CancelToken cancel;
  HttpExchange exchange = client.start(request_to(server), cancel);
  EXPECT_EQ(exchange.read(), "a");
  std::chrono::steady_clock::time_point cancelled;
  std::thread other([&] {
    cancelled = std::chrono::steady_clock::now();
    cancel.cancel();
  });
  EXPECT_THROW(exchange.read(), CancelledError);
  const auto ended = std::chrono::steady_clock::now();
  other.join();
  // The bound is 50 ms; the rest is for a machine that is busy.
  EXPECT_LT(ended - cancelled, 500ms);
}

TEST(HttpClient, AnExchangeThatIsLeftClosesItsConnection) {
  HttpServer server;
  server.enqueue(Reply().sse().chunk("a").hang());
  const HttpClient client({});
  {
    HttpExchange exchange = client.start(request_to(server), {});
    EXPECT_EQ(exchange.read(), "a");
  }
  server.wait_for_departures(1);
  server.enqueue(Reply().json("{}"));
  EXPECT_EQ(ask(client, server), "{}");
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, ABodyDrainedToItsEndLeavesTheConnectionOpen) {
  HttpServer server;
  server.enqueue(Reply().sse().chunk("a").chunk("b"));
  server.enqueue(Reply().sse().chunk("a").hang());
  server.enqueue(Reply().json("{}"));
  const HttpClient client({});
  {
    HttpExchange exchange = client.start(request_to(server), {});
    exchange.read();
    EXPECT_TRUE(exchange.drain(2000ms));
  }
  {
    HttpExchange exchange = client.start(request_to(server), {});
    exchange.read();
    EXPECT_FALSE(exchange.drain(5ms));
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(ask(client, server), "{}");
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, AnExchangeMayOutliveItsClient) {
  HttpServer server;
  server.enqueue(Reply().json("{}"));
  auto client = std::make_unique<HttpClient>(HttpClientOptions{});
  HttpExchange exchange = client->start(request_to(server), {});
  client.reset();
  EXPECT_EQ(exchange.read_all(kPlenty), "{}");
}

TEST(HttpClient, SpeaksTlsToAServerThatItIsToldToTrust) {
  HttpServer server({.tls = true});
  server.enqueue(Reply().json("{}"));
  const HttpClient client({.ca_file = server.ca_file()});
  EXPECT_EQ(ask(client, server), "{}");
}

TEST(HttpClient, TurnsDownACertificateThatNobodyVouchesFor) {
  HttpServer server({.tls = true});
  const HttpClient client({.provider = "p"});
  try {
    ask(client, server);
    FAIL();
  } catch (const ProviderConnectionError& error) {
    EXPECT_THAT(error.message(), HasSubstr("certificate"));
    EXPECT_THAT(error.hint(), HasSubstr("ca_file"));
    EXPECT_FALSE(error.service().transient);
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST(HttpClient, AMissingCaFileIsNamed) {
  HttpServer server({.tls = true});
  const HttpClient client({.ca_file = "no-such-file.pem"});
  try {
    ask(client, server);
    FAIL();
  } catch (const ProviderConnectionError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("no-such-file.pem"));
  }
}

TEST(HttpClient, TlsToAPlainServerIsAConnectionError) {
  HttpServer server;
  const HttpClient client({});
  HttpRequest request = request_to(server);
  request.url.replace(0, 4, "https");
  EXPECT_THROW(client.start(request, {}).status(), ProviderConnectionError);
}

TEST(HttpClient, GoesThroughAProxy) {
  HttpServer proxy;
  proxy.enqueue(Reply().json("{}"));
  const HttpClient client({.proxy = proxy.url()});
  client.start({.url = "http://service.invalid/v1"}, {}).read_all(kPlenty);
  EXPECT_EQ(proxy.requests().at(0).target, "http://service.invalid/v1");
}

TEST(HttpClient, RefusesAHeaderWithALineBreak) {
  HttpServer server;
  const HttpClient client({});
  HttpRequest request = request_to(server);
  request.headers.push_back({"Authorization", "k\n"});
  EXPECT_THROW(client.start(request, {}), InvalidParameterError);
  server.enqueue(Reply().json("{}"));
  EXPECT_EQ(ask(client, server), "{}");
}

TEST(HttpClient, RunsExchangesOfManyThreads) {
  HttpServer server;
  server.set_handler([](const test::SeenRequest& request) {
    return Reply().json(request.body);
  });
  const HttpClient client({});
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int j = 0; j < 25; ++j) {
        const std::string body = std::to_string(i * 100 + j);
        if (client.start(request_to(server, body), {}).read_all(kPlenty) ==
            body) {
          ++right;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
  EXPECT_LE(server.connections(), 8);
}

}  // namespace
}  // namespace abstractllm::net
