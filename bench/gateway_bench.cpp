// What a remote provider adds to a service that answers at once: latency at a
// given rate, and memory over many requests. The same bytes sent and read over
// bare sockets are the baseline.
//
// usage: gateway_bench [REQUESTS [RATE [CONNECTIONS]]]   (10000 500 64)
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "abstractllm/factory.h"
#include "support/http_server.h"

namespace {

using namespace abstractllm;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Eight tokens, as a service streams them.
std::string answer_text() {
  std::string stream;
  for (int i = 0; i < 8; ++i) {
    stream +=
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"tok \"}}]}"
        "\n\n";
  }
  return stream +
         "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
         "\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":8}}"
         "\n\ndata: [DONE]\n\n";
}

// One keep-alive connection without a library in between.
class BareClient {
 public:
  explicit BareClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address),
                  sizeof(address)) != 0) {
      std::abort();
    }
  }
  ~BareClient() { ::close(socket_); }
  BareClient(const BareClient&) = delete;
  BareClient& operator=(const BareClient&) = delete;

  void ask() {
    const std::string body(180, 'x');
    const std::string request =
        "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    if (::send(socket_, request.data(), request.size(), 0) < 0) std::abort();
    std::string answer;
    std::array<char, 16384> buffer;
    while (!answer.ends_with("0\r\n\r\n")) {
      const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (got <= 0) std::abort();
      answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  int socket_;
};

double resident_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1000;
  }
  return 0;
}

struct Plan {
  int requests = 10'000;
  double rate = 500;
  int connections = 64;
};

// Latencies of requests that `asker(connection)` makes, evenly spaced.
std::vector<double> run(
    const Plan& plan,
    const std::function<std::function<void()>(int)>& asker_of) {
  std::vector<std::vector<double>> latencies(
      static_cast<std::size_t>(plan.connections));
  std::vector<std::thread> threads;
  const Clock::time_point start = Clock::now() + std::chrono::milliseconds(200);
  for (int i = 0; i < plan.connections; ++i) {
    threads.emplace_back([&, i] {
      const auto ask = asker_of(i);
      ask();  // the connection is made before the clock runs
      for (int n = i; n < plan.requests; n += plan.connections) {
        if (plan.rate > 0) {
          std::this_thread::sleep_until(
              start + std::chrono::duration_cast<Clock::duration>(
                          Seconds(n / plan.rate)));
        }
        const Clock::time_point begin = Clock::now();
        ask();
        latencies[static_cast<std::size_t>(i)].push_back(
            Seconds(Clock::now() - begin).count());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& each : latencies) {
    all.insert(all.end(), each.begin(), each.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(
             share * static_cast<double>(sorted.size() - 1))] *
         1000;
}

}  // namespace

int main(int argc, char** argv) {
  Plan plan;
  if (argc > 1) plan.requests = std::atoi(argv[1]);
  if (argc > 2) plan.rate = std::atof(argv[2]);
  if (argc > 3) plan.connections = std::atoi(argv[3]);

  test::HttpServer server;
  server.set_recording(false);
  const std::string stream = answer_text();
  server.set_handler([&](const test::SeenRequest&) {
    return test::Reply().sse().chunk(stream);
  });

  const std::vector<double> bare = run(plan, [&](int) {
    const auto client = std::make_shared<BareClient>(server.port());
    return [client] { client->ask(); };
  });

  ProviderConfig config{.model = "m"};
  config.connection.base_url = server.url() + "/v1";
  const auto llm = create_llm("openai-compatible", config);
  std::atomic<int> answered{0};
  std::atomic<double> half_way{0};
  const std::vector<double> ours = run(plan, [&](int) {
    return [&] {
      if (llm->generate("Hi").usage.completion_tokens != 8) std::abort();
      if (++answered == plan.requests / 2) half_way = resident_megabytes();
    };
  });
  for (const double share : {0.5, 0.99}) {
    fmt::print("p{:.0f}: {:.3f} ms, bare sockets {:.3f} ms, added {:.3f} ms\n",
               share * 100, percentile(ours, share), percentile(bare, share),
               percentile(ours, share) - percentile(bare, share));
  }
  fmt::print(
      "resident: {:.1f} MB after {} requests, {:.1f} MB after {}; {} "
      "connections\n",
      half_way.load(), plan.requests / 2, resident_megabytes(), plan.requests,
      server.connections() - plan.connections);
  return 0;
}
