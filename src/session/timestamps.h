// Milliseconds since 1970 as text, and back.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace abstractllm::session {

/// "2025-01-31T12:00:00.123Z". Years 0 to 9999.
std::string format_time(std::int64_t milliseconds);

/// The same, also with other numbers of digits after the second and without
/// the Z, as Python writes it. Empty for any other text.
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace abstractllm::session
