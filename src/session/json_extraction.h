// The JSON value in an answer that may say more.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace abstractllm::session {

/// The whole text if it is JSON; else what is in its last fenced block that is
/// JSON; else its first object or array that is JSON and in no other. Nothing
/// if there is none. Quadratic at worst, in a text that is bounded.
std::optional<std::string> extract_json(std::string_view text);

}  // namespace abstractllm::session
