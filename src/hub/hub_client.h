// Requests to a hub: redirects, access, retries.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "abstractllm/cancel.h"
#include "abstractllm/error.h"
#include "hub/hub_faults.h"
#include "hub/remote_repository.h"
#include "hub/repository_address.h"
#include "net/http_client.h"

namespace abstractllm::hub {

struct HubClientOptions {
  std::string endpoint;
  std::string token{};  ///< goes to the endpoint's own host alone
  net::HttpClientOptions http{};
  /// Requests in a row that may fail before the error is the caller's.
  int attempts = 5;
  /// The pause before attempt `n` + 1; a hub's Retry-After goes before.
  std::function<std::chrono::milliseconds(int n)> pause{};
};

/// Counts the failures of one piece of work. One thread at a time.
class Retry {
 public:
  Retry(const HubClientOptions& options, CancelToken cancel)
      : options_(options), cancel_(std::move(cancel)) {}

  /// Waits before the next attempt. Rethrows `error` where another would be of
  /// no use or there were enough; throws CancelledError.
  void after(const Error& error);
  /// There was progress since the last failure.
  void reset() { failures_ = 0; }

 private:
  const HubClientOptions& options_;
  CancelToken cancel_;
  int failures_ = 0;
};

/// Bytes [begin, end) of a file.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Thread-safe.
class HubClient {
 public:
  explicit HubClient(HubClientOptions options);

  const HubClientOptions& options() const { return options_; }

  /// The commit that the address's revision names, and its files. Throws
  /// what hub_fault says, ProviderConnectionError and CancelledError.
  RemoteRepository repository(const RepositoryAddress& address,
                              const CancelToken& cancel) const;

  /// Sizes and etags that the answer for the repository lacks, from its tree.
  /// A hub without trees leaves them out.
  void add_tree(const std::string& id, RemoteRepository& repository,
                const CancelToken& cancel) const;

  /// Size and etag that `file` lacks, from its own headers.
  void add_facts(const std::string& id, const std::string& commit,
                 RemoteFile& file, const CancelToken& cancel) const;

  /// The address that a file's bytes are asked at.
  std::string file_url(const std::string& id, const std::string& commit,
                       const std::string& path) const;

  HubRequest request_of(const std::string& id, const std::string& revision,
                        const std::string& path = {}) const;

  /// One answer at the end of all redirects.
  struct Answer {
    net::HttpExchange exchange;
    std::string url;  ///< where it came from
    /// Header lines of all answers on the way, the first answer's first.
    net::Headers headers;
  };

  /// Follows up to five redirects; the token goes only to the host of the
  /// endpoint, and from https only https is followed. `stay`: does not leave
  /// the host, and gives the redirect itself. No retries.
  Answer ask(const std::string& method, const std::string& url,
             std::optional<ByteRange> range, const CancelToken& cancel,
             bool stay = false) const;

 private:
  std::string get_json(const std::string& url, const HubRequest& request,
                       const CancelToken& cancel, std::string* link) const;

  HubClientOptions options_;
  net::HttpClient http_;
};

/// One file of a hub, at the storage that the hub sends us to. Thread-safe.
class RemoteSource {
 public:
  RemoteSource(const HubClient& client, std::string url, HubRequest request)
      : client_(client), url_(std::move(url)), request_(std::move(request)) {}

  /// The answer for `range`, with status 200, 206 or 416. Asks the hub again
  /// where the storage's address has run out. Throws hub_fault's errors.
  HubClient::Answer open(std::optional<ByteRange> range,
                         const CancelToken& cancel);

 private:
  const HubClient& client_;
  const std::string url_;
  const HubRequest request_;
  std::mutex mutex_;
  std::string storage_;  // mutex_
};

}  // namespace abstractllm::hub
