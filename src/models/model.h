// A loaded decoder: from token ids to logits. No state of any sequence in it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "mlx/array.h"
#include "models/image_prompt.h"
#include "ops/kv_layer.h"

namespace abstractllm::models {

/// Where the rotation of positions depends on how long a sequence is.
struct PositionBorder {
  /// Of the tokens beyond the border, and of all of a prompt beyond it.
  enum class Beyond {
    kOtherwise,  ///< they turn by other angles
    kAnew,       ///< and a sequence that crosses it is computed again
    kByLength    ///< by angles that the length decides
  };
  int positions = 0;  ///< 0: there is none
  Beyond beyond = Beyond::kOtherwise;
};

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

  /// The caches of prompts beyond it cannot serve shorter ones, nor the other
  /// way round.
  virtual PositionBorder position_border() const { return {}; }

  /// Of prompts, with images or without.
  virtual PromptSight prompt_sight() const { return PromptSight::kCausal; }

  virtual ImageMode image_mode() const { return ImageMode::kInLine; }

  /// The id whose embedding stands where an image is looked at from beside
  /// (ImageMode::kBeside).
  virtual std::int32_t image_token() const { return 0; }
};

}  // namespace abstractllm::models
