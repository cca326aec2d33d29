// How well a model predicts given tokens.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "abstractllm/cancel.h"
#include "abstractllm/llm.h"
#include "engine/model_step.h"
#include "models/model.h"
#include "models/sequence.h"

namespace abstractllm::engine {

struct ScoreOptions {
  int window = 0;  ///< tokens per pass
  int chunk = 0;   ///< tokens computed at a time
  CancelToken cancel;
  int adapter = 0;  ///< of `adapters`, from 1; 0: none
  StepAdapters adapters = {};
};

/// Sum of the negative log-probabilities of given tokens, chunk by chunk, so
/// that requests can be computed in between. Each window starts afresh, so its
/// first token is not predicted. Engine thread only.
class ScoreRun {
 public:
  /// Throws InvalidRequestError for fewer than two ids.
  ScoreRun(const models::Model& model, std::vector<std::int32_t> ids,
           ScoreOptions options);

  /// Computes a chunk. False when that was the last one. Throws CancelledError.
  bool advance();

  const Score& score() const { return score_; }

 private:
  const models::Model& model_;
  const std::vector<std::int32_t> ids_;
  const ScoreOptions options_;
  models::Sequence sequence_;
  std::size_t done_ = 0;
  Score score_;
};

}  // namespace abstractllm::engine
