// HTTP requests over libcurl: streamed answers, deadlines, cancel.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "abstractllm/cancel.h"
#include "net/headers.h"

namespace abstractllm::net {

class ConnectionPool;
class HttpTransfer;

/// Zero: no limit.
struct HttpTimeouts {
  /// Name lookup, TCP and TLS.
  std::chrono::milliseconds connect{10'000};
  /// From the start of the request to the first byte of the answer's body.
  std::chrono::milliseconds first_byte{0};
  /// Between two arrivals of body bytes.
  std::chrono::milliseconds idle{0};
  /// From the start of the request to the end of the answer.
  std::chrono::milliseconds total{0};
};

struct HttpClientOptions {
  /// Who asks: tag and provider of the errors.
  std::string provider = "net";
  HttpTimeouts timeouts{};
  /// URL of a proxy, http, https or socks5; empty: what the environment says
  /// (https_proxy, no_proxy ...), and none for this machine.
  std::string proxy{};
  /// PEM file of the authorities to trust instead of the system's.
  std::string ca_file{};
};

struct HttpRequest {
  std::string method = "POST";
  std::string url{};
  Headers headers{};
  std::string body{};
};

/// One answer on its way in. Bytes are handed out as they arrive; nothing is
/// read ahead of the caller but what one turn of the socket gives. Destroying
/// it before the end closes the connection. One thread at a time.
///
/// Every method throws CancelledError within 50 ms of a cancel,
/// RequestTimeoutError when a time-out passes, and ProviderConnectionError
/// when the connection cannot be made, is not trusted, or breaks.
class HttpExchange {
 public:
  HttpExchange(HttpExchange&&) noexcept;
  HttpExchange& operator=(HttpExchange&&) noexcept;
  ~HttpExchange();

  /// Waits for the header lines of the answer.
  int status();
  const Headers& headers();

  /// The next bytes of the body, at least one; empty at its end. Valid until
  /// the next call.
  std::string_view read();

  /// The rest of the body. Throws ProviderAPIError if it has more than
  /// `max_bytes`.
  std::string read_all(std::size_t max_bytes);

  /// Drops the rest of the body, for about `patience` at most: a body that has
  /// ended leaves its connection open for the next request. Returns whether it
  /// has ended; throws nothing.
  bool drain(std::chrono::milliseconds patience) noexcept;

 private:
  friend class HttpClient;
  explicit HttpExchange(std::unique_ptr<HttpTransfer> transfer);
  std::unique_ptr<HttpTransfer> transfer_;
};

/// Keeps connections open between requests; speaks HTTP/2 over TLS where the
/// server offers it. Follows no redirects, so that no key goes to a host that
/// it was not meant for. Thread-safe: each exchange runs on its caller's
/// thread over a connection of its own. Exchanges may outlive the client.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();

  /// Starts a request; the network is first touched by the exchange. Throws
  /// InvalidParameterError for a header that cannot be sent.
  HttpExchange start(HttpRequest request, CancelToken cancel) const;

 private:
  std::shared_ptr<ConnectionPool> pool_;
};

}  // namespace abstractllm::net
