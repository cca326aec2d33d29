// JSON as models write it: where a value ends, and what it says.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"

namespace abstractllm::output {

/// What a look at the beginning of a text tells.
enum class Scan {
  kMore,  ///< it may go on
  kBad,   ///< it is none, whatever comes
  kEnd,
};

struct ScanResult {
  Scan scan = Scan::kMore;
  std::size_t end = 0;     ///< with kEnd: behind the value
  std::string closers{};   ///< with kMore: brackets that would end it
  bool in_string = false;  ///< with kMore
};

/// Where the object or list that `text` begins with ends. Strings may be in
/// single quotes, as Python writes them. Nothing deeper than 256 levels is one.
ScanResult scan_value(std::string_view text);

/// `text` as strict JSON text: as it is, or with what models get wrong put
/// right: line breaks in strings, single quotes, True, False and None, a comma
/// before a bracket. Nothing if it is no JSON even so.
std::optional<std::string> strict_json(std::string_view text);

/// The calls in a JSON value: an object with a name and its arguments, under
/// any of the words that models use for them, a list of those, or one of the
/// wrappers around them. Arguments may be an object or its text. Nothing if it
/// is anything else. With `names`, a call of no other name counts.
std::optional<std::vector<ToolCall>> calls_in_json(
    std::string_view strict, const std::vector<std::string>* names = nullptr);

/// The calls in a JSON list of objects, or in one, whose keys are names and
/// whose values are their arguments: [{"f": {...}}]. Nothing if it is anything
/// else.
std::optional<std::vector<ToolCall>> calls_by_name(std::string_view strict);

/// `arguments` as they travel: an object without spaces, where a list or a text
/// stands for no object nothing. `text` is lenient JSON.
std::optional<std::string> arguments_json(std::string_view text);

/// A JSON string.
std::string json_quoted(std::string_view text);

}  // namespace abstractllm::output
