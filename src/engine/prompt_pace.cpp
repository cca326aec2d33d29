// A running mean of what tokens of prompts cost.
// SPDX-License-Identifier: Apache-2.0
#include "engine/prompt_pace.h"

#include <algorithm>

namespace abstractllm::engine {

namespace {

// Products take rows in blocks.
constexpr int kWhole = 16;

// Until something is known.
constexpr int kFirstAlone = 128;
constexpr int kFirstBeside = 32;

}  // namespace

int PromptPace::tokens_in(double seconds, int least) const {
  // Not more than an int holds, whatever the clock said.
  const int tokens = static_cast<int>(std::min(seconds / token_seconds_, 1e9));
  return std::min(most_, std::max(least, tokens / kWhole * kWhole));
}

PromptBudget PromptPace::budget() const {
  if (token_seconds_ <= 0) {
    return {.alone = std::min(most_, kFirstAlone),
            .beside = std::min(most_, kFirstBeside)};
  }
  return {.alone = tokens_in(kAloneSeconds, kLeastAlone),
          .beside = tokens_in(kStallSeconds, kLeastBeside)};
}

void PromptPace::observe(int tokens, double seconds) {
  // A few tokens cost what reading the weights costs and say little.
  if (tokens < std::min(most_, kLeastBeside)) return;
  const double cost = std::max(0.0, seconds) / tokens;
  token_seconds_ =
      token_seconds_ == 0 ? cost : 0.75 * token_seconds_ + 0.25 * cost;
}

}  // namespace abstractllm::engine
