// Ends a text at its first stop text, without ever showing a part of one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace abstractllm::output {

/// Passes text on up to the first stop text. The match that ends first wins,
/// as in a server that looks after every character; of several that end at
/// the same place, the longest. What is held back is exactly the longest
/// suffix that may still become a stop text, so the output does not depend on
/// how the input is split, and whole characters in give whole characters out.
/// Time is linear in the input for each stop text. One thread at a time.
class StopFilter {
 public:
  /// REQUIRES: no text in `stops` is empty; each is valid UTF-8.
  explicit StopFilter(std::vector<std::string> stops = {});

  /// The part of the text so far that is certain and was not returned before.
  /// Empty after a match, whatever comes.
  std::string push(std::string_view text);

  /// What was held back, when the text ends without a match.
  std::string finish();

  bool matched() const noexcept { return match_.has_value(); }
  /// The stop text that matched, or empty.
  std::string_view stop_text() const noexcept;

 private:
  // Knuth-Morris-Pratt, one automaton for each stop text.
  struct Matcher {
    explicit Matcher(std::string stop);
    void step(char byte);

    std::string text;
    std::vector<std::size_t> borders;  // [n]: longest border of n + 1 bytes
    std::size_t length = 0;            // of the prefix that the input ends with
  };

  // Moves every matcher on; returns the bytes that have to be held back.
  std::size_t step(char byte);

  std::vector<Matcher> matchers_;
  std::string held_;
  std::optional<std::size_t> match_;
};

}  // namespace abstractllm::output
