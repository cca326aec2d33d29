// Names without letter case, values without secrets, lines without breaks.
// SPDX-License-Identifier: Apache-2.0
#include "net/headers.h"

#include <curl/curl.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::net {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_text(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

// RFC 9110, section 5.6.2.
bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool breaks_line(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

}  // namespace

bool same_header_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> find_header(const Headers& headers,
                                            std::string_view name) {
  for (const Header& header : headers) {
    if (same_header_name(header.name, name)) return header.value;
  }
  return std::nullopt;
}

bool is_secret_header(std::string_view name) {
  const std::string low = lower_text(name);
  for (const std::string_view sign :
       {"authorization", "cookie", "key", "token", "secret", "password"}) {
    if (low.find(sign) != std::string::npos) return true;
  }
  return false;
}

Headers redacted(Headers headers) {
  for (Header& header : headers) {
    if (is_secret_header(header.name)) header.value = "<redacted>";
  }
  return headers;
}

std::vector<std::string> secrets_of(const Headers& headers) {
  std::vector<std::string> secrets;
  for (const Header& header : headers) {
    if (!is_secret_header(header.name)) continue;
    std::string secret = header.value.substr(header.value.rfind(' ') + 1);
    if (!secret.empty()) secrets.push_back(std::move(secret));
  }
  return secrets;
}

std::string without_secret(std::string text, std::string_view secret,
                           std::string_view mask) {
  std::size_t at = text.find(secret);
  while (at != std::string::npos) {
    text.replace(at, secret.size(), mask);
    // Behind the mask, which may have the secret in it.
    at = text.find(secret, at + mask.size());
  }
  return text;
}

std::string header_line(const Header& header) {
  const bool is_name =
      !header.name.empty() &&
      std::all_of(header.name.begin(), header.name.end(), is_token_character);
  if (!is_name) {
    throw InvalidParameterError(
        "[net] a header's name has a character that HTTP does not allow",
        "Use letters, digits and '-'.");
  }
  if (std::any_of(header.value.begin(), header.value.end(), breaks_line)) {
    throw InvalidParameterError(
        "[net] the value of the header '" + header.name +
            "' has a line break or another control character",
        "A key read from a file often ends in one: remove it.");
  }
  return header.name + ": " + header.value;
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  const std::time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return date;
}

}  // namespace abstractllm::net
