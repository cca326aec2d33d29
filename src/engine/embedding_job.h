// Texts to make vectors of.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "abstractllm/cancel.h"
#include "families/embedding_recipe.h"

namespace abstractllm::engine {

struct EmbeddingText {
  std::vector<std::int32_t> ids;
  int skipped = 0;  ///< tokens at the front that are not pooled
};

struct EmbeddingJob {
  std::vector<EmbeddingText> texts;
  families::EmbeddingRecipe recipe;
  std::optional<int> dimensions;  ///< none: the recipe's
  CancelToken cancel;
};

using Vectors = std::vector<std::vector<float>>;

}  // namespace abstractllm::engine
