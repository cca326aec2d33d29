// How well a model predicts given tokens.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "abstractllm/cancel.h"
#include "abstractllm/llm.h"
#include "models/model.h"

namespace abstractllm::engine {

struct ScoreOptions {
  int window;  ///< tokens per pass
  int chunk;   ///< tokens computed at a time
  const CancelToken& cancel;
  const CancelToken& shutdown;
};

/// Engine thread only. Each window starts afresh, so its first token is not
/// predicted. Throws InvalidRequestError for fewer than two ids and
/// CancelledError.
Score score_tokens(const models::Model& model,
                   std::span<const std::int32_t> ids,
                   const ScoreOptions& options);

}  // namespace abstractllm::engine
