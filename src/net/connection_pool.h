// libcurl's handles, each with the connection that it keeps open.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "net/http_client.h"

namespace abstractllm::net {

/// The handles of one exchange at a time. The multi handle owns the connection
/// that stays open between exchanges. Throws std::bad_alloc.
class Transport {
 public:
  Transport();
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // CURLM* and CURL*, which are void*.
  void* multi() const { return multi_; }
  void* easy() const { return easy_; }

 private:
  void release();
  void* multi_;
  void* easy_;
};

/// The transports of one client that are not in use. Thread-safe.
class ConnectionPool {
 public:
  explicit ConnectionPool(HttpClientOptions options);

  const HttpClientOptions& options() const { return options_; }

  /// The latest that was given back: its connection is the most likely to be
  /// alive, and the others get the chance to grow old.
  std::unique_ptr<Transport> take();
  void give_back(std::unique_ptr<Transport> transport);

 private:
  const HttpClientOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Transport>> idle_;  // mutex_
};

}  // namespace abstractllm::net
