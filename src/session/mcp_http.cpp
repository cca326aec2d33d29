// MCP over HTTP.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "abstractllm/error.h"
#include "abstractllm/observe.h"
#include "base/utf8.h"
#include "net/http_client.h"
#include "net/sse_reader.h"
#include "net/url.h"
#include "session/mcp_transport.h"

namespace abstractllm::session {
namespace {

constexpr std::size_t kMaxBodyBytes = 64u << 20;
constexpr std::size_t kMaxErrorBytes = 300;
// A stream that breaks off so often without an event between is given up.
constexpr int kMaxResumptions = 5;
constexpr std::chrono::milliseconds kRetryPause(500);
constexpr std::chrono::milliseconds kMaxRetryPause(10'000);

class HttpTransport : public McpTransport {
 public:
  HttpTransport(std::string url, net::Headers headers,
                std::chrono::milliseconds timeout)
      : url_(net::checked_base_url(url, "the MCP server")),
        headers_(std::move(headers)),
        client_({.provider = "mcp", .timeouts = {.total = timeout}}),
        patient_({.provider = "mcp"}) {}

  ~HttpTransport() override {
    try {
      if (session_id().empty()) return;
      net::HttpRequest request = new_request("DELETE");
      const net::HttpClient brief(
          {.provider = "mcp",
           .timeouts = {.connect = std::chrono::milliseconds(500),
                        .total = std::chrono::milliseconds(1000)}});
      brief.start(std::move(request), {}).status();
    } catch (const Error&) {
      // The server ends a session that is not ended for it.
    }
  }

  void open(Receiver receiver) override { receiver_ = std::move(receiver); }

  void set_protocol_version(const std::string& version) override {
    const std::lock_guard lock(mutex_);
    version_ = version;
  }

  void send(const std::string& message, Clock::time_point deadline,
            const CancelToken& cancel,
            const std::function<bool()>& answered) override {
    const net::HttpClient& client =
        deadline == Clock::time_point::max() ? patient_ : client_;
    const std::string session = session_id();
    net::HttpRequest request = new_request("POST");
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = message;
    net::HttpExchange exchange = client.start(std::move(request), cancel);
    const int status = exchange.status();
    if (const auto id =
            net::find_header(exchange.headers(), "Mcp-Session-Id")) {
      const std::lock_guard lock(mutex_);
      session_id_ = *id;
    }
    if (status < 200 || status > 299) refuse(status, exchange, session);
    if (is_events(exchange)) {
      Stream stream;
      read_events(exchange, stream, answered);
      resume(client, stream, cancel, answered);
    } else if (status != 202 && status != 204) {
      const std::string body = exchange.read_all(kMaxBodyBytes);
      if (!body.empty()) receiver_(body);
    }
    if (answered()) return;
    throw ProviderConnectionError(
        fmt::format("[mcp] {} ended its answer, with status {}, before it said "
                    "what it was asked for",
                    net::display_url(url_), status));
  }

 private:
  std::string session_id() const {
    const std::lock_guard lock(mutex_);
    return session_id_;
  }

  net::HttpRequest new_request(std::string method) const {
    net::HttpRequest request{
        .method = std::move(method), .url = url_, .headers = headers_};
    request.headers.push_back(
        {"Accept", "application/json, text/event-stream"});
    const std::lock_guard lock(mutex_);
    if (!version_.empty()) {
      request.headers.push_back({"MCP-Protocol-Version", version_});
    }
    if (!session_id_.empty()) {
      request.headers.push_back({"Mcp-Session-Id", session_id_});
    }
    return request;
  }

  // What is known of a stream of events that may have to be asked for again.
  struct Stream {
    std::string last_id;
    std::chrono::milliseconds pause = kRetryPause;
    bool moved = false;  // there was an event since it was asked for
  };

  static bool is_events(net::HttpExchange& exchange) {
    return net::find_header(exchange.headers(), "Content-Type")
        .value_or("")
        .starts_with("text/event-stream");
  }

  // Up to the answer: a server may keep its stream open after it.
  void read_events(net::HttpExchange& exchange, Stream& stream,
                   const std::function<bool()>& answered) {
    net::SseReader events;
    stream.moved = false;
    try {
      for (std::string_view bytes = exchange.read(); !bytes.empty();
           bytes = exchange.read()) {
        events.push(bytes);
        while (const auto event = events.next()) {
          stream.moved = true;
          stream.last_id = event->id;
          if (!event->data.empty()) receiver_(event->data);
        }
        if (const auto wanted = events.retry_ms()) {
          stream.pause = std::clamp(std::chrono::milliseconds(*wanted),
                                    kRetryPause, kMaxRetryPause);
        }
        if (answered()) return;
      }
    } catch (const ProviderConnectionError&) {
      if (stream.last_id.empty()) throw;
    }
  }

  // Asks for what stands behind the last event (specification of 2025-06-18,
  // "Resumability and Redelivery").
  void resume(const net::HttpClient& client, Stream& stream,
              const CancelToken& cancel,
              const std::function<bool()>& answered) {
    for (int tries = 0; !answered() && !stream.last_id.empty(); ++tries) {
      if (stream.moved) tries = 0;
      if (tries == kMaxResumptions) return;
      pause(stream.pause, cancel);
      net::HttpRequest request = new_request("GET");
      request.headers.push_back({"Last-Event-ID", stream.last_id});
      net::HttpExchange exchange = client.start(std::move(request), cancel);
      // Servers that keep no events answer with 405.
      if (exchange.status() != 200 || !is_events(exchange)) return;
      read_events(exchange, stream, answered);
    }
  }

  static void pause(std::chrono::milliseconds time, const CancelToken& cancel) {
    const Clock::time_point end = Clock::now() + time;
    while (Clock::now() < end) {
      if (cancel.cancelled()) {
        throw CancelledError("[mcp] the request was cancelled");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  // What a server says of a request may repeat the request's headers.
  std::string without_secrets(std::string text) const {
    for (const std::string& secret : net::secrets_of(headers_)) {
      text = net::without_secret(std::move(text), secret, "***");
    }
    return redact_secrets(text);
  }

  [[noreturn]] void refuse(int status, net::HttpExchange& exchange,
                           const std::string& session) {
    const std::string body = without_secrets(exchange.read_all(kMaxBodyBytes));
    const std::string message = fmt::format(
        "[mcp] {} answered with status {}: {}", net::display_url(url_), status,
        base::truncate_utf8(body, kMaxErrorBytes));
    if (status == 401 || status == 403) {
      throw AuthenticationError(message,
                                "Give the headers that the server wants.");
    }
    if (status == 404 && !session.empty()) {
      const std::lock_guard lock(mutex_);
      // Another thread may have a new one by now.
      if (session_id_ == session) session_id_.clear();
      throw McpSessionLost(message, "The server ended the session.");
    }
    throw ProviderAPIError(message);
  }

  const std::string url_;
  const net::Headers headers_;
  const net::HttpClient client_;
  const net::HttpClient patient_;  // for requests that may take any time
  Receiver receiver_;
  mutable std::mutex mutex_;
  std::string session_id_;  // mutex_
  std::string version_;     // mutex_
};

}  // namespace

std::unique_ptr<McpTransport> make_http_transport(
    std::string url, std::map<std::string, std::string> headers,
    std::chrono::milliseconds timeout) {
  net::Headers list;
  for (auto& [name, value] : headers) list.push_back({name, std::move(value)});
  return std::make_unique<HttpTransport>(std::move(url), std::move(list),
                                         timeout);
}

}  // namespace abstractllm::session
