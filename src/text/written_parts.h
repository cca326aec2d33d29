// What a model said beside what a template writes of it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/message.h"

namespace abstractllm::text {

/// What an answer of several parts looks like in a prompt. In and beside calls
/// that are written as JSON white space says nothing; elsewhere it is content.
class WrittenParts {
 public:
  /// `written`: what a template writes of the texts and calls of `message`;
  /// outlives this.
  WrittenParts(const Message& message, std::string_view written);

  /// Whether a model that emitted `said` has said this.
  bool are(std::string_view said) const;

 private:
  std::string_view written_;
  std::string text_;  // that stands before the calls
  std::string squeezed_calls_;
  bool is_json_ = false;
};

/// The lengths of the beginnings of `said` that stand at the end of `before`,
/// the longest first; the last is 0. Takes time in proportion to `said`, by the
/// failure function of Knuth, Morris and Pratt (1977).
std::vector<std::size_t> overlaps(std::string_view before,
                                  std::string_view said);

}  // namespace abstractllm::text
