// TOML as text: read into JSON, and changed in place.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::config {

/// The document as an object; dates and times become text. `where` is what
/// errors call the text. Throws InvalidRequestError with the line of a mistake.
nlohmann::ordered_json parse_toml(std::string_view text,
                                  std::string_view where);

/// `text` with the value at `keys` set to `literal`, a TOML value. Everything
/// else, comments included, stays as it is. Throws InvalidRequestError where a
/// value stands in a table's place, or in an inline table, and for a literal
/// that is none.
std::string set_toml_value(std::string_view text,
                           std::span<const std::string> keys,
                           std::string_view literal);

/// Parts of a dotted key, quoted ones without their quotes:
/// `models."gpt 4".x`. Throws InvalidRequestError.
std::vector<std::string> split_key(std::string_view key);

/// `text` as a TOML string in quotes.
std::string toml_string(std::string_view text);

}  // namespace abstractllm::config
