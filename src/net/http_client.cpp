// Exchanges over libcurl, with their connections kept for the next ones.
// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <utility>

#include "abstractllm/error.h"
#include "net/connection_pool.h"
#include "net/http_transfer.h"

namespace abstractllm::net {

HttpExchange::HttpExchange(std::unique_ptr<HttpTransfer> transfer)
    : transfer_(std::move(transfer)) {}
HttpExchange::HttpExchange(HttpExchange&&) noexcept = default;
HttpExchange& HttpExchange::operator=(HttpExchange&&) noexcept = default;
HttpExchange::~HttpExchange() = default;

int HttpExchange::status() {
  transfer_->wait_for_head();
  return transfer_->status();
}

const Headers& HttpExchange::headers() {
  transfer_->wait_for_head();
  return transfer_->headers();
}

std::string_view HttpExchange::read() { return transfer_->read(); }

std::string HttpExchange::read_all(std::size_t max_bytes) {
  std::string body;
  for (std::string_view piece = read(); !piece.empty(); piece = read()) {
    if (piece.size() > max_bytes - body.size()) {
      throw ProviderAPIError(
          "[" + transfer_->options().provider + "] the answer of " +
              transfer_->shown_url() + " has more than " +
              std::to_string(max_bytes) + " bytes",
          "The service answers with something else than expected.",
          transfer_->options().provider);
    }
    body.append(piece);
  }
  return body;
}

bool HttpExchange::drain(std::chrono::milliseconds patience) noexcept {
  try {
    return transfer_->drain(patience);
  } catch (...) {
    // Nobody waits for these bytes: that they do not come is no failure.
    return false;
  }
}

HttpClient::HttpClient(HttpClientOptions options)
    : pool_(std::make_shared<ConnectionPool>(std::move(options))) {}

HttpClient::~HttpClient() = default;

HttpExchange HttpClient::start(HttpRequest request, CancelToken cancel) const {
  return HttpExchange(std::make_unique<HttpTransfer>(pool_, std::move(request),
                                                     std::move(cancel)));
}

}  // namespace abstractllm::net
