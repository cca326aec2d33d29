// JSON from outside, read without harm.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace abstractllm::base {

/// As the JSON readers of most languages have it.
constexpr int kMaxJsonDepth = 128;

/// Whether brackets outside of strings nest deeper than kMaxJsonDepth. Values
/// are written, copied and visited by recursion: text that nests without bound
/// would end the program. Linear in the text, which need not be JSON.
bool is_too_deep(std::string_view json) noexcept;

/// The value of `text`; a discarded one if it is not JSON or is too deep.
nlohmann::ordered_json parse_json(std::string_view text);

}  // namespace abstractllm::base
