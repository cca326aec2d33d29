// Parsing JSON from untrusted files, within limits.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace abstractllm::io {

struct JsonLimits {
  /// Bytes of text. tokenizer.json of large vocabularies has about 40 MB;
  /// configurations stay below 1 MB.
  std::size_t bytes = 16u << 20;
  /// Objects and arrays within each other. Configurations need about 6; the
  /// limit keeps recursive readers of the value off the end of the stack.
  int depth = 64;
  /// Of a name that an object has twice the last counts, as in Python, whose
  /// programs read such configs without a word. Else it is an error.
  bool takes_last = false;
};

/// Parses `text`; `origin` names it in messages. Bare NaN, Infinity and
/// -Infinity, which Python writes, become strings of that spelling. Throws
/// ModelLoadingError for invalid JSON, a name given twice in one object
/// (but see takes_last), and what exceeds `limits`.
nlohmann::json parse_json_text(std::string_view text, std::string_view origin,
                               const JsonLimits& limits = {});

/// The same for a file; throws ModelLoadingError if it cannot be read.
nlohmann::json parse_json_file(const std::filesystem::path& path,
                               const JsonLimits& limits = {});

}  // namespace abstractllm::io
