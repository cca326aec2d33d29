// A loaded decoder: from token ids to logits. No state of any sequence in it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "mlx/array.h"
#include "models/image_prompt.h"
#include "ops/kv_layer.h"

namespace abstractllm::models {

/// Immutable after load; used on the engine thread only.
class Model {
 public:
  virtual ~Model() = default;

  /// ids: (tokens) int32 -> (tokens, hidden).
  virtual mlx::core::array embed(const mlx::core::array& ids) const = 0;

  /// embeddings: (tokens, hidden), the rows of `step` -> (tokens, hidden) after
  /// the final norm. The caches of `step` get the new positions.
  virtual mlx::core::array forward(const mlx::core::array& embeddings,
                                   const ops::Step& step) const = 0;

  /// hidden: (rows, hidden) -> (rows, vocabulary) float32.
  virtual mlx::core::array logits(const mlx::core::array& hidden) const = 0;

  /// Empty caches for one new sequence.
  virtual ops::KvLayers make_cache() const = 0;

  virtual int vocabulary_size() const = 0;

  /// Sequences that reach more positions than this are computed otherwise from
  /// their first token on, so that their caches cannot serve shorter ones nor
  /// the other way round; 0: there is no difference.
  virtual int position_border() const { return 0; }

  /// Of prompts, with images or without.
  virtual PromptSight prompt_sight() const { return PromptSight::kCausal; }

  virtual ImageMode image_mode() const { return ImageMode::kInLine; }

  /// The id whose embedding stands where an image is looked at from beside
  /// (ImageMode::kBeside).
  virtual std::int32_t image_token() const { return 0; }
};

}  // namespace abstractllm::models
