// Base64 (RFC 4648, section 4), for images in data: URLs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace abstractllm::base {

std::string base64_encode(std::string_view bytes);

/// Empty if `text` is not base64 with its padding.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace abstractllm::base
