// The bytes of one accepted connection, plain or over TLS.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace abstractllm::test {

/// Takes over a connected socket. One thread at a time.
class SocketStream {
 public:
  virtual ~SocketStream() = default;
  /// False when the peer is gone.
  virtual bool write(const char* bytes, std::size_t count) = 0;
  /// Bytes read; 0 when the peer is gone.
  virtual std::size_t read(char* bytes, std::size_t room) = 0;
};

std::unique_ptr<SocketStream> plain_stream(int socket);

/// A key and a certificate for 127.0.0.1, signed by itself.
class TlsIdentity {
 public:
  struct Options {
    /// Turns down clients that do not offer HTTP/2.
    bool http2 = false;
  };

  TlsIdentity() : TlsIdentity(Options{}) {}
  explicit TlsIdentity(Options options);
  ~TlsIdentity();
  /// Nothing when the client turns the handshake down.
  std::unique_ptr<SocketStream> accept(int socket) const;
  /// PEM file with the certificate; removed with this object.
  const std::string& ca_file() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace abstractllm::test
