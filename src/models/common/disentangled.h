// DeBERTa's encoder, whose scores also compare words with distances
// (arXiv:2006.03654).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/model.h"
#include "ops/blocks.h"

namespace abstractllm::models {

/// The row of the table of distances for a query `distance` positions behind
/// its key. Immutable.
struct DistanceBuckets {
  int span = 0;     ///< the table has 2 * span rows
  int buckets = 0;  ///< half of them for exact distances; 0: all are exact
  int reach = 0;    ///< distance at which the last bucket begins

  int row_of(int distance) const;
};

/// Weights of one layer. Immutable after load.
struct DisentangledLayer {
  ops::Linear query;
  ops::Linear key;
  ops::Linear value;
  ops::Linear output;
  /// Of the table of distances; absent: its words meet no distances.
  std::optional<ops::Linear> distance_key = std::nullopt;
  std::optional<ops::Linear> distance_query = std::nullopt;
  ops::Norm attention_norm;
  ops::MlpBlock mlp;
  ops::Norm mlp_norm;
};

/// Behind the first layer: norm(layer(x) + activation(convolution(x))).
struct TextConvolution {
  mlx::core::array weight;  ///< (hidden, kernel, hidden / groups)
  mlx::core::array bias;    ///< (hidden)
  int groups = 1;
  std::optional<ops::Activation> activation = std::nullopt;  ///< absent: tanh
  ops::Norm norm;
};

/// Everything that is read of a checkpoint.
struct DisentangledParts {
  int heads = 0;
  int head_dim = 0;
  float scale = 0;  ///< of all scores
  ops::Linear embedding;
  std::optional<ops::Linear> positions = std::nullopt;
  std::optional<mlx::core::array> token_type = std::nullopt;
  std::optional<ops::Linear> embedding_projection = std::nullopt;
  ops::Norm embedding_norm;
  DistanceBuckets buckets = {};
  /// (2 * buckets.span, hidden); absent: words meet no distances.
  std::optional<ops::Linear> distances = std::nullopt;
  std::optional<ops::Norm> distance_norm = std::nullopt;
  std::vector<DisentangledLayer> layers = {};
  std::optional<TextConvolution> convolution = std::nullopt;
};

/// A model without logits: forward() gives the last hidden states.
std::unique_ptr<Model> make_disentangled_encoder(DisentangledParts parts);

}  // namespace abstractllm::models
