// SPDX-License-Identifier: Apache-2.0
#include "support/socket_stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace abstractllm::test {
namespace {

class Plain : public SocketStream {
 public:
  explicit Plain(int socket) : socket_(socket) {}
  bool write(const char* bytes, std::size_t count) override {
    while (count > 0) {
      const ssize_t sent = ::send(socket_, bytes, count, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes += sent;
      count -= static_cast<std::size_t>(sent);
    }
    return true;
  }
  std::size_t read(char* bytes, std::size_t room) override {
    const ssize_t got = ::recv(socket_, bytes, room, 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }

 private:
  int socket_;
};

class Tls : public SocketStream {
 public:
  explicit Tls(SSL* ssl) : ssl_(ssl) {}
  ~Tls() override { SSL_free(ssl_); }
  bool write(const char* bytes, std::size_t count) override {
    std::size_t sent = 0;
    return count == 0 || SSL_write_ex(ssl_, bytes, count, &sent) == 1;
  }
  std::size_t read(char* bytes, std::size_t room) override {
    std::size_t got = 0;
    return SSL_read_ex(ssl_, bytes, room, &got) == 1 ? got : 0;
  }

 private:
  SSL* ssl_;
};

void require(bool holds) {
  if (!holds) throw std::runtime_error("OpenSSL cannot make a test identity");
}

X509* make_certificate(EVP_PKEY* key) {
  X509* const certificate = X509_new();
  require(certificate != nullptr);
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(
      name, "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>("scripted test server"), -1, -1,
      0);
  X509_set_issuer_name(certificate, name);
  X509_set_pubkey(certificate, key);
  const auto extend = [&](int nid, const char* value) {
    X509_EXTENSION* const extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    require(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_subject_alt_name, "IP:127.0.0.1");
  extend(NID_basic_constraints, "critical,CA:TRUE");
  require(X509_sign(certificate, key, EVP_sha256()) > 0);
  return certificate;
}

int choose_http2(SSL*, const unsigned char** chosen, unsigned char* size,
                 const unsigned char* offered, unsigned int count, void*) {
  static constexpr unsigned char kWanted[] = "\2h2";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kWanted, 3, offered, count) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

std::string write_pem(X509* certificate) {
  std::string path =
      (std::filesystem::temp_directory_path() / "tls_test_XXXXXX").string();
  const int file = ::mkstemp(path.data());
  require(file >= 0);
  std::FILE* const stream = ::fdopen(file, "w");
  PEM_write_X509(stream, certificate);
  std::fclose(stream);
  return path;
}

}  // namespace

std::unique_ptr<SocketStream> plain_stream(int socket) {
  return std::make_unique<Plain>(socket);
}

struct TlsIdentity::State {
  SSL_CTX* context = nullptr;
  std::string ca_file;
};

TlsIdentity::TlsIdentity(Options options) : state_(std::make_unique<State>()) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  require(key != nullptr);
  X509* const certificate = make_certificate(key);
  state_->context = SSL_CTX_new(TLS_server_method());
  require(state_->context != nullptr);
  require(SSL_CTX_use_certificate(state_->context, certificate) == 1);
  require(SSL_CTX_use_PrivateKey(state_->context, key) == 1);
  if (options.http2) {
    SSL_CTX_set_alpn_select_cb(state_->context, &choose_http2, nullptr);
  }
  state_->ca_file = write_pem(certificate);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TlsIdentity::~TlsIdentity() {
  SSL_CTX_free(state_->context);
  std::error_code ignored;
  std::filesystem::remove(state_->ca_file, ignored);
}

std::unique_ptr<SocketStream> TlsIdentity::accept(int socket) const {
  SSL* const ssl = SSL_new(state_->context);
  SSL_set_fd(ssl, socket);
  if (SSL_accept(ssl) != 1) {
    ERR_clear_error();
    SSL_free(ssl);
    return nullptr;
  }
  return std::make_unique<Tls>(ssl);
}

const std::string& TlsIdentity::ca_file() const { return state_->ca_file; }

}  // namespace abstractllm::test
