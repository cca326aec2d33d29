// Running means of what steps cost.
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

void blend(double& mean, double value) {
  mean = mean == 0 ? value : 0.75 * mean + 0.25 * value;
}

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

void PromptPace::observe(int prompt_tokens, int decoding_rows, double seconds) {
  if (prompt_tokens == 0) {
    if (decoding_rows > 0) blend(step_seconds_, seconds);
    return;
  }
  const double base = decoding_rows > 0 ? step_seconds_ : 0;
  // A few tokens cost what reading the weights costs and say little.
  if (prompt_tokens < std::min(most_, kLeastBeside)) return;
  blend(token_seconds_, std::max(0.0, seconds - base) / prompt_tokens);
}

}  // namespace abstractllm::engine
