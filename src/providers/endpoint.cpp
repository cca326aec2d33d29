// Addresses, keys and headers of services, and whole answers.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdlib>
#include <utility>

#include "abstractllm/error.h"
#include "base/log.h"
#include "net/url.h"
#include "providers/remote.h"
#include "providers/wire/errors.h"

namespace abstractllm::providers {
namespace {

constexpr std::size_t kMaxAnswerBytes = 256U << 20;  // embeddings in bulk
constexpr std::size_t kMaxFaultBytes = 1U << 20;

std::chrono::milliseconds milliseconds(double seconds, std::string_view name,
                                       std::string_view provider) {
  if (std::isfinite(seconds) && seconds >= 0 && seconds <= 1e6) {
    // The least time-out is a millisecond: 0 would be none.
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::ceil(seconds * 1000)));
  }
  throw InvalidParameterError("[" + std::string(provider) + "] " +
                                  std::string(name) +
                                  " must be a number of seconds from 0 to "
                                  "1000000",
                              "0 is no limit.", std::string(provider));
}

std::string variable(const Environment& environment, std::string_view name) {
  if (name.empty()) return "";
  const char* const value = environment(std::string(name).c_str());
  return value == nullptr ? "" : value;
}

// OLLAMA_HOST may be a host alone, with or without a port; 0.0.0.0 is what a
// server listens on.
std::string as_url(std::string text, const RemoteTraits& traits) {
  if (text.find("://") != std::string::npos || !traits.is_local_server) {
    return text;
  }
  if (text.starts_with(':')) text.insert(0, "127.0.0.1");
  if (text.starts_with("0.0.0.0")) text.replace(0, 7, "127.0.0.1");
  if (text.find(':') == std::string::npos) {
    text.append(":").append(traits.default_port);
  }
  return "http://" + text;
}

std::string given_base_url(const RemoteTraits& traits,
                           const ConnectionOptions& options,
                           const Environment& environment) {
  if (!options.base_url.empty()) {
    return net::checked_base_url(options.base_url, "base_url");
  }
  for (const auto name : {traits.base_variable, traits.other_base_variable}) {
    const std::string text = variable(environment, name);
    if (!text.empty()) {
      return net::checked_base_url(as_url(text, traits), name);
    }
  }
  if (traits.base_url.empty()) {
    throw InvalidRequestError(
        "[" + std::string(traits.id) + "] no base_url is given",
        "Set connection.base_url or " + std::string(traits.base_variable) +
            " to the address of the service, as in http://host:8000/v1.",
        std::string(traits.id));
  }
  return std::string(traits.base_url);
}

std::string base_url_of(const RemoteTraits& traits,
                        const ConnectionOptions& options,
                        const Environment& environment) {
  std::string url = given_base_url(traits, options, environment);
  if (!traits.base_suffix.empty() && url.ends_with(traits.base_suffix)) {
    url.resize(url.size() - traits.base_suffix.size());
  }
  return url;
}

std::string key_of(const RemoteTraits& traits, const ConnectionOptions& options,
                   const Environment& environment) {
  std::string key = options.api_key;
  if (key.empty()) key = variable(environment, traits.key_variable);
  if (key.empty()) key = variable(environment, traits.other_key_variable);
  if (key.empty() && traits.needs_key) {
    throw AuthenticationError(
        "[" + std::string(traits.id) + "] no API key is given",
        "Set " + std::string(traits.key_variable) +
            " in the environment, or connection.api_key.",
        std::string(traits.id));
  }
  return key;
}

net::HttpClientOptions client_options(const RemoteTraits& traits,
                                      const ConnectionOptions& options) {
  const auto limit = [&](double seconds, std::string_view name) {
    return milliseconds(seconds, name, traits.id);
  };
  return {.provider = std::string(traits.id),
          .timeouts = {limit(options.connect_timeout, "connect_timeout"),
                       limit(options.first_byte_timeout, "first_byte_timeout"),
                       limit(options.idle_timeout, "idle_timeout"),
                       limit(options.total_timeout, "total_timeout")},
          .proxy = options.proxy,
          .ca_file = options.ca_file};
}

std::string without(std::string text, const std::string& secret) {
  if (secret.size() < 4) return text;
  return net::without_secret(std::move(text), secret, "<key>");
}

}  // namespace

const char* process_environment(const char* name) { return std::getenv(name); }

Endpoint::Endpoint(const RemoteTraits& traits, const ConnectionOptions& options,
                   const Environment& environment, net::Headers extra_headers)
    : traits_(&traits),
      base_url_(base_url_of(traits, options, environment)),
      key_(key_of(traits, options, environment)),
      headers_(std::move(extra_headers)),
      client_(client_options(traits, options)) {
  if (!key_.empty()) {
    const bool is_bearer = traits.key_header == "authorization";
    headers_.push_back(
        {std::string(traits.key_header), (is_bearer ? "Bearer " : "") + key_});
  }
  if (!options.organization.empty()) {
    if (!traits.id.starts_with("openai")) {
      throw UnsupportedFeatureError(
          "[" + id() + "] organization is not supported by the provider " +
              id(),
          "Leave it out.", id());
    }
    headers_.push_back({"OpenAI-Organization", options.organization});
  }
  for (const auto& [name, value] : options.headers) {
    headers_.push_back({name, value});
  }
  for (const net::Header& header : headers_) net::header_line(header);
}

net::HttpExchange Endpoint::start(std::string_view path, std::string body,
                                  const CancelToken& cancel,
                                  std::string_view accept) const {
  net::HttpRequest request{.method = body.empty() ? "GET" : "POST",
                           .url = net::join_url(base_url_, path),
                           .headers = headers_,
                           .body = std::move(body)};
  request.headers.push_back({"accept", std::string(accept)});
  request.headers.push_back({"user-agent", "abstractllm-cpp"});
  if (request.method == "POST") {
    request.headers.push_back({"content-type", "application/json"});
  }
  if (base::is_logged(base::LogLevel::kDebug)) {
    base::log(base::LogLevel::kDebug, traits_->id,
              request.method + " " + net::display_url(request.url) + ", " +
                  std::to_string(request.body.size()) + " bytes");
  }
  return client_.start(std::move(request), cancel);
}

Error Endpoint::fault_of(net::HttpExchange& exchange,
                         const std::string& model) const {
  FaultContext context{.provider = id(),
                       .model = model,
                       .status = exchange.status(),
                       .headers = exchange.headers()};
  ServiceFault fault;
  try {
    fault = read_fault(exchange.read_all(kMaxFaultBytes));
  } catch (const CancelledError&) {
    throw;
  } catch (const Error&) {
    // The status alone says enough when the body breaks off.
    fault.message = "(its explanation was cut off)";
  }
  return masked(service_error(fault, context));
}

Error Endpoint::masked(const Error& error) const {
  std::string message = without(error.message(), key_);
  std::string hint = without(error.hint(), key_);
  for (const std::string& secret : net::secrets_of(headers_)) {
    message = without(std::move(message), secret);
    hint = without(std::move(hint), secret);
  }
  Error result(error.code(), message, std::move(hint), id());
  result.set_service(error.service());
  return result;
}

std::string Endpoint::ask(std::string_view path, std::string body,
                          const CancelToken& cancel,
                          const std::string& model) const {
  net::HttpExchange exchange = start(path, std::move(body), cancel);
  if (exchange.status() >= 300) throw_error(fault_of(exchange, model));
  return exchange.read_all(kMaxAnswerBytes);
}

}  // namespace abstractllm::providers
