// Handles made, kept and closed.
// SPDX-License-Identifier: Apache-2.0
#include "net/connection_pool.h"

#include <curl/curl.h>

#include <new>
#include <string>
#include <utility>

#include "abstractllm/error.h"
#include "net/broken_pipes.h"

namespace abstractllm::net {
namespace {

// Idle connections that a client keeps; beyond it they are closed.
constexpr std::size_t kMaxIdle = 128;

void initialise_curl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) {
    throw InternalError("[net] libcurl cannot be initialised: " +
                        std::string(curl_easy_strerror(result)));
  }
}

}  // namespace

Transport::Transport() : multi_(curl_multi_init()), easy_(curl_easy_init()) {
  if (multi_ == nullptr || easy_ == nullptr) {
    release();
    throw std::bad_alloc();
  }
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 2L);
}

Transport::~Transport() { release(); }

void Transport::release() {
  const BrokenPipes quiet;
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

ConnectionPool::ConnectionPool(HttpClientOptions options)
    : options_(std::move(options)) {
  initialise_curl();
}

std::unique_ptr<Transport> ConnectionPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Transport> transport = std::move(idle_.back());
      idle_.pop_back();
      return transport;
    }
  }
  return std::make_unique<Transport>();
}

void ConnectionPool::give_back(std::unique_ptr<Transport> transport) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(transport));
}

}  // namespace abstractllm::net
