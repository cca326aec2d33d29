// Regular expressions over names of modules, in time linear in the name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::io {

/// What configs write in Python's notation: letters, ".", escaped signs, \d \w
/// \s and their opposites, "[...]", "(...)" and "(?:...)", "|", "?", "*", "+",
/// "{m,n}", "^" and "$". Immutable; thread-safe.
class NamePattern {
 public:
  /// Throws ModelLoadingError for what is not understood (look-around, back
  /// references) and for patterns that grow beyond 10,000 steps.
  explicit NamePattern(std::string_view pattern);

  /// Whether the whole of `text` fits.
  bool matches(std::string_view text) const;

 private:
  friend class NamePatternReader;

  struct Step {
    enum class Kind : std::uint8_t { kByte, kFork, kBegin, kEnd, kMatch };
    Kind kind = Kind::kMatch;
    std::bitset<256> bytes;  // kByte
    std::size_t next = 0;    // all but kMatch
    std::size_t other = 0;   // kFork
  };
  std::vector<Step> steps_;
  std::size_t start_ = 0;
};

/// Whether PEFT's `pattern` names `module`: the whole of it or its last parts.
/// Throws what NamePattern throws.
bool matches_module(std::string_view pattern, std::string_view module);

}  // namespace abstractllm::io
