// One exchange as libcurl runs it, driven by the caller's own thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "net/connection_pool.h"
#include "net/http_client.h"
#include "net/url.h"

struct curl_slist;

namespace abstractllm::net {

/// What HttpExchange is made of; its functions are that class's and throw as
/// they do: CancelledError, RequestTimeoutError, ProviderConnectionError, and
/// InvalidParameterError for an address that is no http or https URL. The
/// constructor throws std::bad_alloc. One thread at a time.
class HttpTransfer {
 public:
  HttpTransfer(std::shared_ptr<ConnectionPool> pool, HttpRequest request,
               CancelToken cancel);
  ~HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  void wait_for_head();
  /// The next bytes, valid until the next call; none at the end.
  std::string_view read();
  bool drain(std::chrono::milliseconds patience);

  int status() const { return status_; }
  const Headers& headers() const { return headers_; }
  const HttpClientOptions& options() const { return pool_->options(); }
  std::string shown_url() const { return display_url(request_.url); }

 private:
  using Clock = std::chrono::steady_clock;

  void set_up();
  void set_headers();
  void set_network();
  int perform(int& running) const;  // CURLMcode
  void turn(std::chrono::milliseconds patience);
  void read_messages();
  void check_total(std::chrono::steady_clock::time_point now) const;
  std::chrono::milliseconds check_deadlines() const;
  [[noreturn]] void fail(int curl_code) const;

  static std::size_t on_header(char* bytes, std::size_t, std::size_t count,
                               void* self);
  static std::size_t on_body(char* bytes, std::size_t, std::size_t count,
                             void* self);

  std::shared_ptr<ConnectionPool> pool_;
  HttpRequest request_;
  CancelToken cancel_;
  std::unique_ptr<Transport> transport_;
  curl_slist* lines_ = nullptr;
  char detail_[256] = "";  // CURL_ERROR_SIZE

  Clock::time_point started_;
  Clock::time_point last_arrival_{};
  bool body_began_ = false;
  bool head_complete_ = false;
  bool ended_ = false;
  bool out_of_memory_ = false;
  int status_ = 0;
  Headers headers_;
  std::string arrived_;
  std::string handed_out_;
};

}  // namespace abstractllm::net
