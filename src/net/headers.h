// Header lines of HTTP messages, in the order they were sent.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::net {

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};
using Headers = std::vector<Header>;

/// Whether two header names are the same: ASCII letter case is ignored.
bool same_header_name(std::string_view a, std::string_view b) noexcept;

/// The value of the first header called `name`.
std::optional<std::string_view> find_header(const Headers& headers,
                                            std::string_view name);

/// Whether the value of a header called `name` is a secret: authorization,
/// cookies, and names that have "key", "token" or "secret" in them.
bool is_secret_header(std::string_view name);

/// `headers` with every secret value replaced, fit for a log.
Headers redacted(Headers headers);

/// What is secret in `headers`: the values of secret ones, without the scheme
/// ("Bearer") that may stand before it. Empty ones are left out.
std::vector<std::string> secrets_of(const Headers& headers);

/// `text` with `mask` in each place of `secret`, which is not empty.
std::string without_secret(std::string text, std::string_view secret,
                           std::string_view mask);

/// A header as it stands on the wire, without line end: "name: value". Throws
/// InvalidParameterError, without the value, where one of the two has a
/// character that could end the line or, in a name, is no token character.
std::string header_line(const Header& header);

/// Seconds since 1970 of a date as HTTP writes it.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace abstractllm::net
