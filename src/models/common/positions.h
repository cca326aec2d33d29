// Embeddings of positions that a model has learned.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/kv_layer.h"
#include "ops/linear.h"

namespace abstractllm::models {

/// The rows of `table`, (positions, hidden), for the tokens of `step`:
/// (tokens, hidden). A sequence's first token takes row `first`. Throws
/// InvalidRequestError for a sequence that is longer than the table.
mlx::core::array embed_positions(const ops::Linear& table, int first,
                                 const ops::Step& step);

}  // namespace abstractllm::models
