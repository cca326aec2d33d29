// The caches of one sequence together with the ids that filled them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mlx/array.h"
#include "models/model.h"

namespace abstractllm::models {

/// Used on the engine thread only.
class Sequence {
 public:
  explicit Sequence(const Model& model)
      : model_(model), kv_(model.make_cache()) {}

  /// Prepares for `prompt`: keeps what the caches share with it, but for its
  /// last token, whose logits are needed; starts afresh where a cache cannot go
  /// back. Returns the number of prompt tokens that need no computation.
  int reuse(std::span<const std::int32_t> prompt);

  /// Runs the new `ids` through the model. Returns the final hidden states,
  /// (ids, hidden), not evaluated.
  mlx::core::array advance(std::span<const std::int32_t> ids);

  /// Evaluates `results` and all caches, so that no lazy graph stays behind.
  void evaluate(std::vector<mlx::core::array> results) const;

  /// Forgets everything; after a failed evaluation nothing else is safe.
  void reset();

  int length() const { return static_cast<int>(ids_.size()); }

 private:
  const Model& model_;
  ops::KvLayers kv_;
  std::vector<std::int32_t> ids_;
  int planned_ = 0;  // length of the prompt
};

}  // namespace abstractllm::models
