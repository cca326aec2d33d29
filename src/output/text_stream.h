// From token pieces to text deltas: UTF-8 hold-back, stop texts, logprobs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abstractllm/event.h"
#include "base/utf8.h"
#include "output/stop_filter.h"

namespace abstractllm::output {

/// The text of one answer. A plain value without callbacks; one thread at a
/// time.
///
/// Each token's logprob leaves with the delta that shows the beginning of the
/// token's text; a token without text leaves with what follows it. Tokens that
/// begin within the stop text do not leave at all.
class TextStream {
 public:
  /// `stops` as StopFilter takes them.
  explicit TextStream(std::vector<std::string> stops = {});

  /// Takes the next token's bytes, whole characters or not, and its logprob if
  /// the request asks for them. Returns what may be shown now, if anything.
  std::optional<TextDelta> push(std::string_view bytes,
                                std::optional<TokenLogprob> logprob = {});

  /// The answer is over: what was held back, if it may be shown after all.
  /// REQUIRES: called once, and no push after it.
  std::optional<TextDelta> finish();

  /// A stop text ended the answer; every further push is ignored.
  bool stopped() const noexcept { return stops_.matched(); }
  std::string_view stop_text() const noexcept { return stops_.stop_text(); }

 private:
  struct Pending {
    std::size_t start;  // where the token's text begins in the answer
    TokenLogprob logprob;
  };

  std::optional<TextDelta> shown(std::string text, bool is_last);

  base::Utf8Holdback utf8_;
  StopFilter stops_;
  std::deque<Pending> pending_;
  std::size_t read_bytes_ = 0;   // of valid text, given to stops_
  std::size_t shown_bytes_ = 0;  // of it, returned in deltas
};

}  // namespace abstractllm::output
