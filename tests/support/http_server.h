// An HTTP server that answers from a script, for tests of clients.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "support/scripted_provider.h"

namespace abstractllm::test {

/// A request as it came in. Header names keep their case.
struct SeenRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int connection = 0;  ///< counts from 1

  /// Empty when there is no such header; letter case is ignored.
  std::string header(std::string_view name) const;
};

/// One answer, written as a chain: Reply().json("{}") or
/// Reply().sse().chunk("data: a\n\n").disconnect().
class Reply {
 public:
  struct Chunk {
    std::string bytes;
  };
  struct Raw {
    std::string bytes;
  };
  struct Delay {
    std::chrono::milliseconds time;
  };
  struct Disconnect {};
  struct Hang {};
  using Step = std::variant<Chunk, Raw, Delay, Gate, Disconnect, Hang>;

  explicit Reply(int status = 200) : status_(status) {}

  Reply& header(std::string name, std::string value);
  /// The whole body at once, with its length.
  Reply& body(std::string text, std::string media_type);
  Reply& json(std::string text) {
    return body(std::move(text), "application/json");
  }
  /// A body of chunks follows.
  Reply& sse() { return header("Content-Type", "text/event-stream"); }
  Reply& ndjson() { return header("Content-Type", "application/x-ndjson"); }
  Reply& chunk(std::string bytes);
  /// `text` in chunks of one byte each.
  Reply& bytes_of(std::string_view text);
  /// Of the body only the first `bytes` are sent; then the connection closes.
  Reply& cut(std::size_t bytes);
  /// Bytes past the protocol.
  Reply& raw(std::string bytes);
  Reply& delay(std::chrono::milliseconds time);
  Reply& wait(Gate gate);
  /// Closes the connection here, within the answer.
  Reply& disconnect();
  /// Sends nothing more until the client leaves or the server ends. Before
  /// any chunk: not even a status line.
  Reply& hang();

 private:
  friend class HttpServer;
  int status_;
  std::vector<std::pair<std::string, std::string>> headers_;
  bool has_body_ = false;
  std::string body_;
  std::size_t sent_ = static_cast<std::size_t>(-1);  // of the body
  std::vector<Step> steps_;
};

/// Listens on 127.0.0.1 on a port that the system chooses, one thread a
/// connection; a HEAD request gets the head alone. Answers with the queued
/// replies in the order in which requests come; without one left by the
/// handler; without one of those with status 500. Thread-safe.
class HttpServer {
 public:
  using Handler = std::function<Reply(const SeenRequest&)>;
  struct Options {
    /// With a certificate made for this one server; see ca_file.
    bool tls = false;
  };

  HttpServer() : HttpServer(Options{}) {}
  explicit HttpServer(Options options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  void enqueue(Reply reply);
  void set_handler(Handler handler);
  /// Whether requests are kept for `requests`; they are at first.
  void set_recording(bool on);

  /// "http://127.0.0.1:PORT".
  std::string url() const;
  int port() const;
  /// PEM file that makes the server's certificate trusted; tls only.
  std::string ca_file() const;
  std::vector<SeenRequest> requests() const;
  /// Connections that were accepted so far.
  int connections() const;
  /// Blocks until a client has closed `count` connections within an answer.
  void wait_for_departures(int count);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// A port of 127.0.0.1 on which nothing listens.
int closed_port();

/// A port of 127.0.0.1 with as many waiting connections as the system keeps:
/// a further one is neither made nor refused.
class FullPort {
 public:
  FullPort();
  ~FullPort();
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;
  int port() const { return port_; }

 private:
  int port_ = 0;
  std::vector<int> sockets_;
};

}  // namespace abstractllm::test
