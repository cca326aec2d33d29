// Embeddings of models in this process.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "abstractllm/embedding.h"
#include "engine/engine.h"
#include "engine/model_package.h"

namespace abstractllm::providers {

/// Vectors of `request`'s inputs as the model's recipe makes them. Throws
/// InvalidRequestError, ContextWindowExceededError and what the engine throws.
/// REQUIRES: package.embedding.
EmbeddingResponse embed_texts(const engine::ModelPackage& package,
                              engine::Engine& engine, int context_length,
                              const EmbeddingRequest& request);

}  // namespace abstractllm::providers
