// Addresses of services: checked, joined, shown without secrets.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace abstractllm::net {

/// `text` without slashes at its end. Throws InvalidParameterError unless it
/// is an http or https URL with a host, and without user name, password,
/// query and fragment. `name` says in the message what it is the value of.
std::string checked_base_url(std::string_view text, std::string_view name);

/// `base` and `path` with exactly one slash between them. `path` may begin
/// with one and may have a query.
std::string join_url(std::string_view base, std::string_view path);

/// `text` with every byte that is not unreserved percent-encoded, for one
/// segment of a path or one value of a query.
std::string escape_url(std::string_view text);

/// "scheme://host:port/path" of `url`: no user name, password or query. A
/// text that is no URL gives "<invalid URL>".
std::string display_url(std::string_view url);

/// `reference`, as a Location header has it, seen from `base`. Empty where the
/// two make no http or https URL.
std::string resolve_url(std::string_view base, std::string_view reference);

/// Whether scheme, host and port of two URLs are the same, a scheme's own port
/// written or not.
bool same_origin(std::string_view a, std::string_view b);

/// Whether the host of `url` is this machine: localhost, 127.0.0.0/8 or [::1].
bool is_loopback_url(std::string_view url);

}  // namespace abstractllm::net
