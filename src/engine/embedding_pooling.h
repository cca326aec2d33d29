// From the hidden states of a text's tokens to its vector.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "families/embedding_recipe.h"

namespace abstractllm::engine {

/// Takes the rows of one text in order, in any number of pieces. One thread at
/// a time.
class Pooling {
 public:
  /// `skipped`: rows at the front that are not pooled. Refers to `recipe`.
  Pooling(const families::EmbeddingRecipe& recipe, int hidden_size,
          int skipped);

  /// `row`: (hidden) of the next token.
  void add(std::span<const float> row);

  /// (modes * hidden). REQUIRES: a row that was not skipped.
  std::vector<float> pooled() const;

 private:
  const families::EmbeddingRecipe& recipe_;
  std::size_t size_;
  int skipped_;
  int position_ = 0;  // rows seen, skipped ones included
  std::vector<double> sum_;
  std::vector<double> weighted_;
  double weights_ = 0;
  std::vector<float> first_;
  std::vector<float> last_;
  std::vector<float> largest_;
};

/// Runs the recipe's steps over a pooled vector, cuts it to `dimensions`
/// (else the recipe's own number) and gives it length 1. Throws
/// InvalidRequestError for more dimensions than there are, and
/// ModelLoadingError for projections that do not fit.
std::vector<float> finish_embedding(const families::EmbeddingRecipe& recipe,
                                    std::vector<float> pooled,
                                    std::optional<int> dimensions);

/// Length of the vectors of a model with `hidden_size`, before any cut.
int embedding_size(const families::EmbeddingRecipe& recipe, int hidden_size);

}  // namespace abstractllm::engine
