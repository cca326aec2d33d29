// Frames of RFC 9113 over one TLS connection at a time.
// SPDX-License-Identifier: Apache-2.0
#include "support/http2_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/socket_stream.h"

namespace abstractllm::test {
namespace {

enum FrameType : unsigned char {
  kData = 0,
  kHeaders = 1,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7
};
constexpr unsigned char kEndStream = 0x1;  // of SETTINGS and PING: ACK
constexpr unsigned char kEndHeaders = 0x4;
constexpr std::size_t kPrefaceBytes = 24;

struct Frame {
  unsigned char type = 0;
  unsigned char flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
};

class Frames {
 public:
  explicit Frames(SocketStream& stream) : stream_(stream) {}

  bool read_preface() { return read(kPrefaceBytes).has_value(); }

  std::optional<Frame> next() {
    const auto head = read(9);
    if (!head) return std::nullopt;
    const auto byte = [&](std::size_t i) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>((*head)[i]));
    };
    auto payload = read(byte(0) << 16 | byte(1) << 8 | byte(2));
    if (!payload) return std::nullopt;
    return Frame{
        static_cast<unsigned char>(byte(3)),
        static_cast<unsigned char>(byte(4)),
        (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7FFFFFFFU,
        *std::move(payload)};
  }

  bool write(const Frame& frame) {
    const auto size = static_cast<std::uint32_t>(frame.payload.size());
    std::string bytes;
    for (const int shift : {16, 8, 0}) {
      bytes += static_cast<char>(size >> shift & 0xFF);
    }
    bytes += static_cast<char>(frame.type);
    bytes += static_cast<char>(frame.flags);
    for (const int shift : {24, 16, 8, 0}) {
      bytes += static_cast<char>(frame.stream >> shift & 0xFF);
    }
    bytes += frame.payload;
    return stream_.write(bytes.data(), bytes.size());
  }

 private:
  std::optional<std::string> read(std::size_t count) {
    std::array<char, 4096> buffer;
    while (held_.size() < count) {
      const std::size_t got = stream_.read(buffer.data(), buffer.size());
      if (got == 0) return std::nullopt;
      held_.append(buffer.data(), got);
    }
    std::string bytes = held_.substr(0, count);
    held_.erase(0, count);
    return bytes;
  }

  SocketStream& stream_;
  std::string held_;
};

// A header field that enters no table (RFC 7541, 6.2.2).
std::string field(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name +
         static_cast<char>(value.size()) + value;
}

}  // namespace

class Http2Server::Impl {
 public:
  Impl(std::string media_type, std::vector<std::string> pieces)
      : media_type_(std::move(media_type)),
        pieces_(std::move(pieces)),
        identity_({.http2 = true}) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, where, size) != 0 ||
        ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, where, &size) != 0 ||
        ::pipe(stop_pipe_.data()) != 0) {
      throw std::runtime_error("the HTTP/2 server cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }

  ~Impl() {
    ::close(stop_pipe_[1]);
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (connection_ >= 0) ::shutdown(connection_, SHUT_RDWR);
    }
    thread_.join();
    ::close(listener_);
    ::close(stop_pipe_[0]);
  }

  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  int port_ = 0;
  const std::string media_type_;
  const std::vector<std::string> pieces_;
  const TlsIdentity identity_;

 private:
  void accept_all() {
    std::array<pollfd, 2> set{pollfd{listener_, POLLIN, 0},
                              pollfd{stop_pipe_[0], POLLIN, 0}};
    while (::poll(set.data(), set.size(), -1) > 0 && set[1].revents == 0) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      if (begin(socket)) {
        if (const auto stream = identity_.accept(socket)) serve(*stream);
      }
      // Under the lock: another file may get the number.
      const std::lock_guard lock(mutex_);
      connection_ = -1;
      ::close(socket);
    }
  }

  // False where the end came between the accepting and this.
  bool begin(int socket) {
    const std::lock_guard lock(mutex_);
    connection_ = socket;
    return !stopping_;
  }

  void serve(SocketStream& stream) {
    Frames frames(stream);
    if (!frames.read_preface() || !frames.write({.type = kSettings})) return;
    ++connections_;
    while (const auto frame = frames.next()) {
      if (frame->type == kGoAway) return;
      const bool flagged = (frame->flags & kEndStream) != 0;
      bool alive = true;
      if (frame->type == kSettings && !flagged) {
        alive = frames.write({.type = kSettings, .flags = kEndStream});
      } else if (frame->type == kPing && !flagged) {
        alive = frames.write({kPing, kEndStream, 0, frame->payload});
      } else if ((frame->type == kHeaders || frame->type == kData) && flagged) {
        alive = answer(frames, frame->stream);
      }
      if (!alive) return;
    }
  }

  bool answer(Frames& frames, std::uint32_t stream) {
    ++requests_;
    constexpr char kStatus200 = static_cast<char>(0x88);
    const std::string head = kStatus200 + field("content-type", media_type_) +
                             field("x-request-id", "req_7");
    if (!frames.write({kHeaders, kEndHeaders, stream, head})) return false;
    for (const std::string& piece : pieces_) {
      if (!frames.write({kData, 0, stream, piece})) return false;
    }
    return frames.write({kData, kEndStream, stream, ""});
  }

  int listener_ = -1;
  std::array<int, 2> stop_pipe_{-1, -1};
  std::mutex mutex_;
  int connection_ = -1;    // mutex_
  bool stopping_ = false;  // mutex_
  std::thread thread_;
};

Http2Server::Http2Server(std::string media_type,
                         std::vector<std::string> pieces)
    : impl_(std::make_unique<Impl>(std::move(media_type), std::move(pieces))) {}
Http2Server::~Http2Server() = default;

std::string Http2Server::url() const {
  return "https://127.0.0.1:" + std::to_string(impl_->port_);
}

std::string Http2Server::ca_file() const { return impl_->identity_.ca_file(); }

int Http2Server::connections() const { return impl_->connections_; }

int Http2Server::requests() const { return impl_->requests_; }

}  // namespace abstractllm::test
