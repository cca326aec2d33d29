// Status codes and X-Error-Code of the hub.
// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_faults.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace abstractllm::hub {
namespace {

constexpr std::size_t kMaxSaid = 300;

std::string header(const net::Headers& headers, std::string_view name) {
  return std::string(net::find_header(headers, name).value_or(""));
}

// The service's own sentence, on one line; empty: none.
std::string said(const net::Headers& headers, std::string_view body) {
  std::string text = header(headers, "X-Error-Message");
  if (text.empty()) {
    const auto json = nlohmann::json::parse(body, nullptr, false);
    if (json.is_object() && json.contains("error") &&
        json["error"].is_string()) {
      text = json["error"].get<std::string>();
    }
  }
  text = base::replace_invalid_utf8(text);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (text.size() > kMaxSaid) {
    text = base::replace_invalid_utf8(text.substr(0, kMaxSaid)) + "...";
  }
  return text.empty() ? text : ": " + text;
}

std::string access_hint(const HubRequest& request, bool gated) {
  const std::string page = request.endpoint + "/" + request.id;
  const std::string token = request.has_token
                                ? "use a HF_TOKEN of an account that has access"
                                : "set HF_TOKEN to a token of your account (" +
                                      request.endpoint + "/settings/tokens)";
  if (gated) {
    return fmt::format("Accept its terms at {} and {}.", page, token);
  }
  return fmt::format(
      "Check the name. If it is gated or private: ask for access at {} and "
      "{}.",
      page, token);
}

Error refused(int status, const std::string& code, const std::string& why,
              const HubRequest& request) {
  if (code == "DisabledRepo") {
    return AuthenticationError(
        fmt::format("[hub] {} is disabled ({}){}", request.id, status, why), {},
        "hub");
  }
  if (why.find("nvalid credentials") != why.npos) {
    return AuthenticationError(
        fmt::format("[hub] the hub does not know the token ({}){}", status,
                    why),
        "Set HF_TOKEN to a valid token, or unset it for public models.", "hub");
  }
  const bool gated = code == "GatedRepo" || why.find("gated") != why.npos ||
                     why.find("restricted") != why.npos;
  return AuthenticationError(
      fmt::format("[hub] {} {} ({}){}", request.id,
                  gated ? "is gated: its terms must be accepted first"
                        : "is not open to you: it is gated, private, or not "
                          "there",
                  status, why),
      access_hint(request, gated), "hub");
}

Error missing(const std::string& code, const HubRequest& request) {
  if (code == "RevisionNotFound") {
    return ModelNotFoundError(
        fmt::format("[hub] {} has no revision '{}'", request.id,
                    request.revision),
        fmt::format("Its branches and tags are at {}/{}/tree/main.",
                    request.endpoint, request.id),
        "hub");
  }
  if (!request.path.empty() && code != "RepoNotFound") {
    return ModelNotFoundError(
        fmt::format("[hub] {} has no file '{}' at revision '{}'", request.id,
                    request.path, request.revision),
        {}, "hub");
  }
  return ModelNotFoundError(
      fmt::format("[hub] there is no model {} at {}", request.id,
                  request.endpoint),
      "Names are written ORG/NAME, as in the address of the model's page. " +
          std::string(request.has_token ? "" : "A private one needs HF_TOKEN."),
      "hub");
}

Error error_of(int status, const net::Headers& headers, std::string_view body,
               const HubRequest& request) {
  const std::string code = header(headers, "X-Error-Code");
  const std::string why = said(headers, body);
  if (status == 401 || status == 403) {
    return refused(status, code, why, request);
  }
  if (status == 404 || status == 410) return missing(code, request);
  const std::string what =
      request.path.empty() ? request.id : request.id + "/" + request.path;
  if (status == 429) {
    return QuotaExceededError(
        fmt::format("[hub] too many requests for {} (429){}", what, why),
        request.has_token ? "Wait a while; what is there is kept."
                          : "Wait a while, or set HF_TOKEN: accounts may ask "
                            "more often. What is there is kept.",
        "hub");
  }
  return ProviderAPIError(
      fmt::format("[hub] the service answers {} for {}{}", status, what, why),
      status >= 500 || status == 408
          ? "Try again later; what is there is kept."
          : "Does HF_ENDPOINT name a hub that speaks Hugging Face's protocol?",
      "hub");
}

}  // namespace

Error hub_fault(int status, const net::Headers& headers, std::string_view body,
                const HubRequest& request) {
  Error error = error_of(status, headers, body, request);
  ServiceReport report{.http_status = status,
                       .request_id = header(headers, "X-Request-Id"),
                       .transient = status == 408 || status == 429 ||
                                    (status >= 500 && status != 501)};
  const std::string wait = header(headers, "Retry-After");
  int seconds = 0;
  if (std::from_chars(wait.data(), wait.data() + wait.size(), seconds).ec ==
          std::errc() &&
      seconds >= 0) {
    report.retry_after = seconds;
  }
  error.set_service(std::move(report));
  return error;
}

}  // namespace abstractllm::hub
