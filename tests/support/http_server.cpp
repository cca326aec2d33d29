// SPDX-License-Identifier: Apache-2.0
#include "support/http_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "support/socket_stream.h"

namespace abstractllm::test {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

int listen_on_loopback(int& port, int backlog = 256) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (socket < 0 ||
      ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(socket, backlog) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) !=
          0) {
    throw std::runtime_error("the scripted server cannot listen");
  }
  port = ntohs(address.sin_port);
  return socket;
}

// Requests of one connection, one after the other.
class RequestReader {
 public:
  explicit RequestReader(SocketStream& stream) : stream_(stream) {}

  std::optional<SeenRequest> next() {
    std::size_t end;
    while ((end = held_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return std::nullopt;
    }
    SeenRequest request;
    std::string_view head = std::string_view(held_).substr(0, end);
    read_start(request, take_line(head));
    while (!head.empty()) {
      const std::string_view line = take_line(head);
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      request.headers.emplace_back(line.substr(0, colon), value);
    }
    held_.erase(0, end + 4);
    const std::size_t length =
        std::strtoul(request.header("Content-Length").c_str(), nullptr, 10);
    while (held_.size() < length) {
      if (!fill()) return std::nullopt;
    }
    request.body = held_.substr(0, length);
    held_.erase(0, length);
    return request;
  }

 private:
  // Anything but a method's first letter is no HTTP: a TLS greeting, say.
  bool more() { return fill() && held_[0] >= 'A' && held_[0] <= 'Z'; }

  bool fill() {
    std::array<char, 16384> buffer;
    const std::size_t got = stream_.read(buffer.data(), buffer.size());
    held_.append(buffer.data(), got);
    return got > 0;
  }

  static std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    return line;
  }

  static void read_start(SeenRequest& request, std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
  }

  SocketStream& stream_;
  std::string held_;
};

std::string hex(std::size_t number) {
  std::array<char, 16> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return {digits.data(), end.ptr};
}

}  // namespace

std::string SeenRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return "";
}

Reply& Reply::header(std::string name, std::string value) {
  headers_.emplace_back(std::move(name), std::move(value));
  return *this;
}

Reply& Reply::body(std::string text, std::string media_type) {
  has_body_ = true;
  body_ = std::move(text);
  return header("Content-Type", std::move(media_type));
}

Reply& Reply::chunk(std::string bytes) {
  steps_.emplace_back(Chunk{std::move(bytes)});
  return *this;
}

Reply& Reply::bytes_of(std::string_view text) {
  for (const char c : text) chunk(std::string(1, c));
  return *this;
}

Reply& Reply::cut(std::size_t bytes) {
  sent_ = bytes;
  return *this;
}

Reply& Reply::raw(std::string bytes) {
  steps_.emplace_back(Raw{std::move(bytes)});
  return *this;
}

Reply& Reply::delay(std::chrono::milliseconds time) {
  steps_.emplace_back(Delay{time});
  return *this;
}

Reply& Reply::wait(Gate gate) {
  steps_.emplace_back(std::move(gate));
  return *this;
}

Reply& Reply::disconnect() {
  steps_.emplace_back(Disconnect{});
  return *this;
}

Reply& Reply::hang() {
  steps_.emplace_back(Hang{});
  return *this;
}

class HttpServer::Impl {
 public:
  explicit Impl(Options options) {
    if (options.tls) {
      identity_ = std::make_unique<TlsIdentity>();
      std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    }
    listener_ = listen_on_loopback(port_);
    if (::pipe(stop_pipe_.data()) != 0) {
      throw std::runtime_error("the scripted server has no pipe");
    }
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~Impl() {
    stopping_.cancel();
    // An end of file at the other end wakes every poll at once.
    ::close(stop_pipe_[1]);
    acceptor_.join();
    for (Connection& connection : connections_) {
      ::shutdown(connection.socket, SHUT_RDWR);
      connection.thread.join();
      ::close(connection.socket);
    }
    ::close(listener_);
    ::close(stop_pipe_[0]);
  }

  std::mutex mutex_;
  std::condition_variable departed_;
  std::deque<Reply> replies_;          // mutex_
  Handler handler_;                    // mutex_
  bool recording_ = true;              // mutex_
  std::vector<SeenRequest> requests_;  // mutex_
  int accepted_ = 0;                   // mutex_
  int departures_ = 0;                 // mutex_
  int port_ = 0;
  std::unique_ptr<TlsIdentity> identity_;

 private:
  struct Connection {
    int socket;
    std::thread thread;
  };

  // False when the server ends; true when `socket` can be read, or at the end
  // of its connection.
  bool wait_readable(int socket, int milliseconds = -1) {
    std::array<pollfd, 2> set{pollfd{socket, POLLIN, 0},
                              pollfd{stop_pipe_[0], POLLIN, 0}};
    ::poll(set.data(), set.size(), milliseconds);
    return set[1].revents == 0;
  }

  void accept_all() {
    while (wait_readable(listener_)) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      int number = 0;
      {
        const std::lock_guard lock(mutex_);
        number = ++accepted_;
      }
      connections_.push_back({socket, std::thread([this, socket, number] {
                                serve(socket, number);
                                ::shutdown(socket, SHUT_RDWR);
                              })});
    }
  }

  void serve(int socket, int number) {
    std::unique_ptr<SocketStream> stream =
        identity_ ? identity_->accept(socket) : plain_stream(socket);
    if (!stream) return;
    RequestReader reader(*stream);
    while (std::optional<SeenRequest> request = reader.next()) {
      request->connection = number;
      const bool head_alone = request->method == "HEAD";
      if (!answer(next_reply(*request), *stream, socket, head_alone)) return;
    }
  }

  Reply next_reply(const SeenRequest& request) {
    Handler handler;
    {
      const std::lock_guard lock(mutex_);
      if (recording_) requests_.push_back(request);
      if (!replies_.empty()) {
        Reply reply = std::move(replies_.front());
        replies_.pop_front();
        return reply;
      }
      handler = handler_;
    }
    if (handler) return handler(request);
    return Reply(500).body("no reply is left in the script", "text/plain");
  }

  static std::string head_of(const Reply& reply) {
    std::string head =
        "HTTP/1.1 " + std::to_string(reply.status_) + " Text\r\n";
    for (const auto& [name, value] : reply.headers_) {
      head += name + ": " + value + "\r\n";
    }
    head += reply.has_body_
                ? "Content-Length: " + std::to_string(reply.body_.size())
                : std::string("Transfer-Encoding: chunked");
    return head + "\r\n\r\n";
  }

  // False when the connection is over.
  bool answer(const Reply& reply, SocketStream& stream, int socket,
              bool head_alone) {
    const auto send = [&](const std::string& bytes) {
      if (stream.write(bytes.data(), bytes.size())) return true;
      count_departure();
      return false;
    };
    if (!reply.steps_.empty() &&
        std::holds_alternative<Reply::Hang>(reply.steps_.front())) {
      hang(socket);
      return false;
    }
    std::string head = head_of(reply);
    if (head_alone) return send(head);
    if (reply.has_body_) {
      return send(head + reply.body_.substr(0, reply.sent_)) &&
             reply.steps_.empty() && reply.sent_ >= reply.body_.size();
    }
    if (!send(head)) return false;
    for (const Reply::Step& step : reply.steps_) {
      if (!take_step(step, send, socket)) return false;
    }
    return send("0\r\n\r\n");
  }

  template <typename Send>
  bool take_step(const Reply::Step& step, const Send& send, int socket) {
    if (const auto* chunk = std::get_if<Reply::Chunk>(&step)) {
      return chunk->bytes.empty() ||
             send(hex(chunk->bytes.size()) + "\r\n" + chunk->bytes + "\r\n");
    }
    if (const auto* raw = std::get_if<Reply::Raw>(&step)) {
      return send(raw->bytes);
    }
    if (const auto* delay = std::get_if<Reply::Delay>(&step)) {
      // The client sends nothing meanwhile, unless it leaves.
      return wait_readable(socket, static_cast<int>(delay->time.count()));
    }
    if (const auto* gate = std::get_if<Gate>(&step)) {
      return Gate(*gate).pass(stopping_);
    }
    if (std::holds_alternative<Reply::Hang>(step)) hang(socket);
    return false;
  }

  void hang(int socket) {
    if (wait_readable(socket)) count_departure();
  }

  void count_departure() {
    const std::lock_guard lock(mutex_);
    ++departures_;
    departed_.notify_all();
  }

  int listener_ = -1;
  std::array<int, 2> stop_pipe_{-1, -1};
  CancelToken stopping_;
  std::list<Connection> connections_;  // of the acceptor until it is joined
  std::thread acceptor_;
};

HttpServer::HttpServer(Options options)
    : impl_(std::make_unique<Impl>(options)) {}
HttpServer::~HttpServer() = default;

void HttpServer::enqueue(Reply reply) {
  const std::lock_guard lock(impl_->mutex_);
  impl_->replies_.push_back(std::move(reply));
}

void HttpServer::set_handler(Handler handler) {
  const std::lock_guard lock(impl_->mutex_);
  impl_->handler_ = std::move(handler);
}

void HttpServer::set_recording(bool on) {
  const std::lock_guard lock(impl_->mutex_);
  impl_->recording_ = on;
}

std::string HttpServer::url() const {
  return (impl_->identity_ ? "https" : "http") + std::string("://127.0.0.1:") +
         std::to_string(impl_->port_);
}

int HttpServer::port() const { return impl_->port_; }

std::string HttpServer::ca_file() const { return impl_->identity_->ca_file(); }

std::vector<SeenRequest> HttpServer::requests() const {
  const std::lock_guard lock(impl_->mutex_);
  return impl_->requests_;
}

int HttpServer::connections() const {
  const std::lock_guard lock(impl_->mutex_);
  return impl_->accepted_;
}

void HttpServer::wait_for_departures(int count) {
  std::unique_lock lock(impl_->mutex_);
  impl_->departed_.wait(lock, [&] { return impl_->departures_ >= count; });
}

int closed_port() {
  int port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

FullPort::FullPort() {
  sockets_.push_back(listen_on_loopback(port_, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  constexpr int kMore = 4;  // than a backlog of 0 keeps
  for (int i = 0; i < kMore; ++i) {
    sockets_.push_back(
        ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(sockets_.back(), reinterpret_cast<const sockaddr*>(&address),
              sizeof(address));
  }
}

FullPort::~FullPort() {
  for (const int socket : sockets_) ::close(socket);
}

}  // namespace abstractllm::test
