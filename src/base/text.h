// Small questions about texts that many readers ask.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace abstractllm::base {

/// Whether all of `text` is one JSON value (RFC 8259). The JSON library takes a
/// NUL byte for the end of its input, so that what stands behind one would go
/// unread; nowhere in JSON is a NUL byte allowed.
bool is_json(std::string_view text);

/// `text` without spaces, tabs and line breaks at both ends.
std::string_view trimmed(std::string_view text) noexcept;

/// `text` with its ASCII letters in lower case.
std::string lower(std::string_view text);

}  // namespace abstractllm::base
