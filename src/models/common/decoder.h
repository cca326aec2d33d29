// The decoder that most families share: layers of a mixing and a feed-forward
// block over one residual stream.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "models/model.h"
#include "ops/blocks.h"
#include "ops/cross_attention.h"
#include "ops/delta_rule.h"
#include "ops/latent_attention.h"
#include "ops/moe.h"
#include "ops/recurrent.h"
#include "ops/selective_scan.h"

namespace abstractllm::models {

/// Brings positions together.
using Mixer = std::variant<ops::AttentionBlock, ops::LatentAttentionBlock,
                           ops::ShortConvolutionBlock, ops::StateSpaceBlock,
                           ops::DeltaRuleBlock, ops::SelectiveScanBlock,
                           ops::CrossAttentionBlock>;
/// Nothing where a family's layers have one half only.
using FeedForward = std::variant<std::monostate, ops::MlpBlock, ops::MoeBlock>;

/// cap * tanh(logits / cap); 0: as they are.
mlx::core::array cap_logits(const mlx::core::array& logits, float cap);

/// One layer. `parallel`: both halves read the layer's input, and their
/// outputs are added to it together.
struct DecoderLayer {
  Mixer mixer;
  FeedForward feed_forward;
  bool parallel = false;
  /// Reads the layer's input, too; its output is added to the mixer's.
  std::optional<Mixer> beside = std::nullopt;
  /// Of the residual stream, behind the first half and behind the second.
  std::optional<ops::Norm> mixer_norm = std::nullopt;
  std::optional<ops::Norm> feed_forward_norm = std::nullopt;
};

/// norm(activation(linear(x))): what a head may get in the place of x.
struct HeadTransform {
  ops::Linear linear;  ///< (hidden, hidden)
  ops::Activation activation = ops::Activation::kGelu;
  ops::Norm norm;
};

/// Everything that a family builds of its checkpoint.
struct DecoderParts {
  ops::Linear embedding;  ///< (vocabulary, hidden)
  /// (hidden, inputs of `embedding`), (outputs, hidden): where embeddings, and
  /// what the head gets, are of another size than hidden.
  std::optional<ops::Linear> embedding_projection = std::nullopt;
  std::optional<ops::Linear> head_projection = std::nullopt;
  float embedding_scale = 1.0f;
  std::optional<ops::Norm> embedding_norm = std::nullopt;
  /// (positions, hidden): added to the embeddings where positions are learned.
  std::optional<ops::Linear> positions = std::nullopt;
  std::vector<DecoderLayer> layers;
  std::optional<ops::Norm> final_norm = std::nullopt;
  /// Absent where the embedding serves as the head.
  std::optional<ops::Linear> head;
  std::optional<HeadTransform> before_head = std::nullopt;
  /// The checkpoint has no head though it needs one: logits() throws.
  bool headless = false;
  /// Sequences that grow past the border of longrope are computed again.
  bool starts_anew = false;
  float logit_scale = 1.0f;
  float logit_softcap = 0.0f;  ///< 0: none
  /// The token that marks the place of an image where layers look at images
  /// beside the text (ops::CrossAttentionBlock).
  std::int32_t image_token = 0;
};

std::unique_ptr<Model> make_decoder(DecoderParts parts);

}  // namespace abstractllm::models
