// The decoder that most families share: layers of attention and feed-forward
// blocks over one residual stream.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/model.h"
#include "ops/blocks.h"

namespace abstractllm::models {

/// One layer. `parallel`: both halves read the layer's input, and their
/// outputs are added to it together.
struct DecoderLayer {
  ops::AttentionBlock attention;
  ops::MlpBlock mlp;
  bool parallel = false;
};

/// Everything that a family builds of its checkpoint.
struct DecoderParts {
  ops::Linear embedding;  ///< (vocabulary, hidden)
  float embedding_scale = 1.0f;
  std::vector<DecoderLayer> layers;
  ops::Norm final_norm;
  /// Absent where the embedding serves as the head.
  std::optional<ops::Linear> head;
  float logit_scale = 1.0f;
  float logit_softcap = 0.0f;  ///< 0: none
};

std::unique_ptr<Model> make_decoder(DecoderParts parts);

}  // namespace abstractllm::models
