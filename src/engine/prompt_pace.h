// How many tokens of prompts a step may have, learnt from the steps before.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/scheduler.h"

namespace abstractllm::engine {

/// Chooses chunks by time, so that running streams do not stall for long
/// beside a prompt, and a cancel or a new request is seen soon. One thread at a
/// time.
class PromptPace {
 public:
  /// A prompt's chunk holds up running streams for about as long as this.
  static constexpr double kStallSeconds = 0.2;
  /// And requests that arrive, or cancel, while nothing else runs.
  static constexpr double kAloneSeconds = 2.0;
  /// Weights stream once for a chunk: shorter ones waste the memory bus.
  static constexpr int kLeastBeside = 16;
  static constexpr int kLeastAlone = 128;

  /// `most`: tokens that a chunk may have, at least 1.
  explicit PromptPace(int most) : most_(most) {}

  PromptBudget budget() const;

  /// What a step of so many tokens of prompts took.
  void observe(int tokens, double seconds);

 private:
  int tokens_in(double seconds, int least) const;

  int most_;
  double token_seconds_ = 0;  // running mean; 0 until the first one
};

}  // namespace abstractllm::engine
