// URLs by libcurl's own parser, so that what is checked is what is fetched.
// SPDX-License-Identifier: Apache-2.0
#include "net/url.h"

#include <curl/curl.h>

#include <memory>
#include <optional>

#include "abstractllm/error.h"
#include "net/headers.h"

namespace abstractllm::net {
namespace {

class ParsedUrl {
 public:
  explicit ParsedUrl(std::string_view text)
      : handle_(curl_url(), &curl_url_cleanup) {
    const std::string copy(text);
    valid_ = handle_ != nullptr && copy.size() == text.size() &&
             copy.find('\0') == std::string::npos &&
             curl_url_set(handle_.get(), CURLUPART_URL, copy.c_str(),
                          CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  }

  bool valid() const { return valid_; }

  /// Goes to `reference`, as a browser would.
  void follow(std::string_view reference) {
    const std::string copy(reference);
    valid_ = valid_ && copy.find('\0') == std::string::npos &&
             curl_url_set(handle_.get(), CURLUPART_URL, copy.c_str(), 0) ==
                 CURLUE_OK;
  }

  /// Nothing where the URL has no such part.
  std::optional<std::string> part(CURLUPart which, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_url_get(handle_.get(), which, &text, flags) != CURLUE_OK) {
      return std::nullopt;
    }
    std::string result(text);
    curl_free(text);
    return result;
  }

 private:
  std::unique_ptr<CURLU, void (*)(CURLU*)> handle_;
  bool valid_ = false;
};

bool is_web_scheme(const std::optional<std::string>& scheme) {
  return scheme == "http" || scheme == "https";
}

std::string_view without_slashes_at_end(std::string_view text) {
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string checked_base_url(std::string_view text, std::string_view name) {
  const ParsedUrl url(text);
  std::string wrong;
  if (!url.valid() || !is_web_scheme(url.part(CURLUPART_SCHEME)) ||
      url.part(CURLUPART_HOST).value_or("").empty()) {
    wrong = "is not an http or https URL";
  } else if (url.part(CURLUPART_USER) || url.part(CURLUPART_PASSWORD)) {
    wrong = "has a user name or password in it";
  } else if (url.part(CURLUPART_QUERY) || url.part(CURLUPART_FRAGMENT)) {
    wrong = "has a query or a fragment";
  }
  if (!wrong.empty()) {
    throw InvalidParameterError(
        "[net] " + std::string(name) + " " + wrong,
        "Write it as http://host:port/path; a key goes into api_key.");
  }
  return std::string(without_slashes_at_end(text));
}

std::string join_url(std::string_view base, std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  std::string url(without_slashes_at_end(base));
  if (!path.empty()) url.append("/").append(path);
  return url;
}

std::string escape_url(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const bool unreserved = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                            (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
                            c == '_' || c == '~';
    if (unreserved) {
      escaped += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    escaped += '%';
    escaped += kDigits[byte >> 4];
    escaped += kDigits[byte & 15];
  }
  return escaped;
}

std::string display_url(std::string_view text) {
  const ParsedUrl url(text);
  if (!url.valid()) return "<invalid URL>";
  std::string shown = url.part(CURLUPART_SCHEME).value_or("") + "://" +
                      url.part(CURLUPART_HOST).value_or("");
  if (const auto port = url.part(CURLUPART_PORT)) shown += ":" + *port;
  const std::string path = url.part(CURLUPART_PATH).value_or("");
  if (path != "/") shown += path;
  return shown;
}

std::string resolve_url(std::string_view base, std::string_view reference) {
  ParsedUrl url(base);
  url.follow(reference);
  if (!url.valid() || !is_web_scheme(url.part(CURLUPART_SCHEME)) ||
      url.part(CURLUPART_HOST).value_or("").empty()) {
    return {};
  }
  return url.part(CURLUPART_URL).value_or("");
}

bool same_origin(std::string_view a, std::string_view b) {
  const ParsedUrl first(a);
  const ParsedUrl second(b);
  if (!first.valid() || !second.valid()) return false;
  const auto same = [&](CURLUPart which, unsigned flags) {
    const auto one = first.part(which, flags);
    const auto other = second.part(which, flags);
    return one && other && same_header_name(*one, *other);
  };
  return same(CURLUPART_SCHEME, 0) && same(CURLUPART_HOST, 0) &&
         same(CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool is_loopback_url(std::string_view text) {
  const ParsedUrl url(text);
  if (!url.valid()) return false;
  const std::string host = url.part(CURLUPART_HOST).value_or("");
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

}  // namespace abstractllm::net
