// What failed on the way to a service, and what the user can do about it.
// SPDX-License-Identifier: Apache-2.0
#include "net/curl_errors.h"

#include <curl/curl.h>

#include "abstractllm/error.h"
#include "base/utf8.h"

namespace abstractllm::net {
namespace {

std::string seconds(std::chrono::milliseconds time) {
  std::string text = std::to_string(static_cast<double>(time.count()) / 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + " s";
}

bool is_trust_failure(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION ||
         code == CURLE_SSL_ISSUER_ERROR ||
         code == CURLE_SSL_INVALIDCERTSTATUS ||
         code == CURLE_SSL_PINNEDPUBKEYNOTMATCH;
}

std::string hint_of(CURLcode code, const TransferFacts& facts) {
  if (is_trust_failure(code)) {
    return facts.ca_file.empty()
               ? "Set ca_file to the certificate of the authority that signed "
                 "the server's."
               : "Check that ca_file holds the authority that signed the "
                 "server's certificate.";
  }
  switch (code) {
    case CURLE_SSL_CACERT_BADFILE:
      return "ca_file must be a readable PEM file: " + facts.ca_file;
    case CURLE_COULDNT_RESOLVE_HOST:
      return "Check the host name in base_url and the network.";
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      return "Check proxy.";
    case CURLE_COULDNT_CONNECT:
      if (facts.uses_proxy) {
        return "Is the proxy running there? Check proxy and the network.";
      }
      return "Is the server running there? Check base_url and the network.";
    case CURLE_SSL_CONNECT_ERROR:
      return "Does the server speak TLS on this port? Check http or https in "
             "base_url.";
    default:
      return facts.answer_began ? "The answer was cut off; ask again."
                                : "Ask again.";
  }
}

}  // namespace

void throw_curl_error(int code, std::string_view detail,
                      const TransferFacts& facts) {
  const auto curl_code = static_cast<CURLcode>(code);
  if (curl_code == CURLE_OPERATION_TIMEDOUT) {
    throw_timeout("a connection", facts.connect_timeout, facts.provider,
                  facts.url);
  }
  const std::string tag = "[" + facts.provider + "] ";
  if (curl_code == CURLE_URL_MALFORMAT ||
      curl_code == CURLE_UNSUPPORTED_PROTOCOL) {
    throw InvalidParameterError(tag + "the address is not an http or https URL",
                                "Check base_url.", facts.provider);
  }
  std::string why(detail.empty() ? curl_easy_strerror(curl_code) : detail);
  why = base::replace_invalid_utf8(why);
  ProviderConnectionError error(
      tag +
          (facts.answer_began
               ? "the connection to " + facts.url + " broke within the answer: "
               : "no answer from " + facts.url + ": ") +
          why,
      hint_of(curl_code, facts), facts.provider);
  // What is not trusted now will not be trusted a second later.
  error.set_service({.transient = !is_trust_failure(curl_code) &&
                                  curl_code != CURLE_SSL_CACERT_BADFILE});
  throw error;
}

void throw_timeout(std::string_view what, std::chrono::milliseconds limit,
                   const std::string& provider, const std::string& url) {
  RequestTimeoutError error(
      "[" + provider + "] " + std::string(what) + " did not come within " +
          seconds(limit) + " (" + url + ")",
      "Raise the time-out, or ask again when the service is less busy.",
      provider);
  error.set_service({.transient = true});
  throw error;
}

}  // namespace abstractllm::net
