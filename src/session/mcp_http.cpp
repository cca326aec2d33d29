// MCP over HTTP.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <mutex>

#include "abstractllm/error.h"
#include "net/http_client.h"
#include "net/sse_reader.h"
#include "net/url.h"
#include "session/mcp_transport.h"

namespace abstractllm::session {
namespace {

constexpr std::size_t kMaxBodyBytes = 64u << 20;
constexpr std::size_t kMaxErrorBytes = 300;

class HttpTransport : public McpTransport {
 public:
  HttpTransport(std::string url, std::map<std::string, std::string> headers,
                std::chrono::milliseconds timeout)
      : url_(net::checked_base_url(url, "the MCP server")),
        headers_(std::move(headers)),
        client_({.provider = "mcp", .timeouts = {.total = timeout}}) {}

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

  void send(const std::string& message, Clock::time_point,
            const CancelToken& cancel,
            const std::function<bool()>& answered) override {
    net::HttpRequest request = new_request("POST");
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = message;
    net::HttpExchange exchange = client_.start(std::move(request), cancel);
    const int status = exchange.status();
    if (const auto id =
            net::find_header(exchange.headers(), "Mcp-Session-Id")) {
      const std::lock_guard lock(mutex_);
      session_id_ = *id;
    }
    if (status < 200 || status > 299) refuse(status, exchange);
    const std::string type(
        net::find_header(exchange.headers(), "Content-Type").value_or(""));
    if (status == 202 || status == 204) return;
    if (type.starts_with("text/event-stream")) {
      read_events(exchange, answered);
    } else if (const std::string body = exchange.read_all(kMaxBodyBytes);
               !body.empty()) {
      receiver_(body);
    }
  }

 private:
  std::string session_id() const {
    const std::lock_guard lock(mutex_);
    return session_id_;
  }

  net::HttpRequest new_request(std::string method) const {
    net::HttpRequest request{.method = std::move(method), .url = url_};
    for (const auto& [name, value] : headers_) {
      request.headers.push_back({name, value});
    }
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

  // Up to the answer: a server may keep its stream open after it.
  void read_events(net::HttpExchange& exchange,
                   const std::function<bool()>& answered) {
    net::SseReader events;
    for (std::string_view bytes = exchange.read(); !bytes.empty();
         bytes = exchange.read()) {
      events.push(bytes);
      while (const auto event = events.next()) {
        if (!event->data.empty()) receiver_(event->data);
      }
      if (answered()) return;
    }
  }

  [[noreturn]] void refuse(int status, net::HttpExchange& exchange) const {
    std::string body = exchange.read_all(kMaxBodyBytes);
    body.resize(std::min(body.size(), kMaxErrorBytes));
    const std::string message =
        fmt::format("[mcp] {} answered with status {}: {}",
                    net::display_url(url_), status, body);
    if (status == 401 || status == 403) {
      throw AuthenticationError(message,
                                "Give the headers that the server wants.");
    }
    if (status == 404 && !session_id().empty()) {
      throw ProviderConnectionError(message, "The server ended the session.");
    }
    throw ProviderAPIError(message);
  }

  const std::string url_;
  const std::map<std::string, std::string> headers_;
  const net::HttpClient client_;
  Receiver receiver_;
  mutable std::mutex mutex_;
  std::string session_id_;  // mutex_
  std::string version_;     // mutex_
};

}  // namespace

std::unique_ptr<McpTransport> make_http_transport(
    std::string url, std::map<std::string, std::string> headers,
    std::chrono::milliseconds timeout) {
  return std::make_unique<HttpTransport>(std::move(url), std::move(headers),
                                         timeout);
}

}  // namespace abstractllm::session
