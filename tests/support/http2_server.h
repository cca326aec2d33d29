// An HTTP/2 server that gives every request one answer, for tests of clients.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace abstractllm::test {

/// Listens on 127.0.0.1 with TLS on a port that the system chooses and speaks
/// HTTP/2 (RFC 9113) alone, to clients that offer it: as much of it as one
/// request after the other needs. Each gets status 200 and
/// `pieces`, one frame each. Thread-safe.
class Http2Server {
 public:
  /// `media_type`: of the answers.
  Http2Server(std::string media_type, std::vector<std::string> pieces);
  ~Http2Server();

  std::string url() const;      ///< "https://127.0.0.1:PORT"
  std::string ca_file() const;  ///< as of HttpServer
  int connections() const;      ///< that spoke HTTP/2
  int requests() const;         ///< that were answered

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace abstractllm::test
