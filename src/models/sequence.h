// The caches of one sequence together with the ids that filled them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mlx/array.h"
#include "models/model.h"

namespace abstractllm::models {

struct NewTokens;

/// Whether tokens were given or generated, see ops::Step::prompt_rows.
enum class TokenKind { kPrompt, kGenerated };

/// Used on the engine thread only.
class Sequence {
 public:
  /// `adapter`: a number for what changes the model, of which the caches
  /// depend; 0: nothing.
  explicit Sequence(const Model& model, int adapter = 0)
      : model_(model), kv_(model.make_cache()), adapter_(adapter) {}

  int adapter() const { return adapter_; }

  /// Positions that reuse() would keep for `prompt`. `planned`: length of the
  /// prompt that the sequence is to begin with, which is `prompt` itself but
  /// where it goes on with an answer.
  /// Images of the prompt are told apart by their numbers, which stand in the
  /// places of their tokens.
  int reusable(std::span<const std::int32_t> prompt, int planned) const;

  /// Prepares for `prompt`: keeps what the caches share with it, but for its
  /// last token, whose logits are needed; starts afresh where a cache cannot go
  /// back. Returns the number of prompt tokens that need no computation.
  /// `images`: of the prompt, null where it has none.
  int reuse(std::span<const std::int32_t> prompt, int planned,
            std::shared_ptr<const ImagePrompt> images = nullptr);
  int reuse(std::span<const std::int32_t> prompt) {
    return reuse(prompt, static_cast<int>(prompt.size()));
  }

  /// Lets go of the images, which reuse() gives anew.
  void forget_images() { images_.reset(); }

  /// A second sequence of the same tokens. REQUIRES: evaluated.
  std::unique_ptr<Sequence> clone() const;

  /// Whether `count` more tokens take the sequence past a border beyond which
  /// the model computes all of it anew.
  bool crosses_border(int count) const;
  /// Forgets the caches of a sequence that crosses_border(). Returns the tokens
  /// that have to be computed again before the `count` ones.
  std::vector<std::int32_t> restart_beyond(int count);

  /// Runs the new `ids` of a prompt through the model, after those before where
  /// they cross the border. Returns the final hidden states, (ids, hidden), not
  /// evaluated.
  mlx::core::array advance(std::span<const std::int32_t> ids);

  /// Evaluates `results` and all caches, so that no lazy graph stays behind.
  void evaluate(std::vector<mlx::core::array> results) const;

  /// Forgets everything; after a failed evaluation nothing else is safe.
  void reset();

  int length() const { return static_cast<int>(ids_.size()); }
  std::span<const std::int32_t> ids() const { return ids_; }
  /// Bytes of the caches; pages shared with clones count here too.
  std::size_t bytes() const;

 private:
  ops::SequenceRows rows_for(std::span<const std::int32_t> ids, int first_row);
  mlx::core::array embed(std::span<const std::int32_t> ids) const;

  friend mlx::core::array advance_together(const Model& model,
                                           std::span<const NewTokens> tokens,
                                           TokenKind kind);
  friend void evaluate_together(std::vector<mlx::core::array> results,
                                std::span<const NewTokens> tokens);

  const Model& model_;
  ops::KvLayers kv_;
  std::vector<std::int32_t> ids_;
  const int adapter_;
  int planned_ = 0;                            // length of the prompt
  std::vector<std::int32_t> seen_images_;      // of the prompt
  std::shared_ptr<const ImagePrompt> images_;  // of the prompt, or null
};

/// What one sequence gets in a pass of several.
struct NewTokens {
  Sequence* sequence = nullptr;
  std::span<const std::int32_t> ids;  ///< not empty
};

/// The first place, `end` or behind it, where a prompt may be cut: what sees
/// itself both ways is computed in one pass. `planned` as in Sequence::reuse.
int next_cut(const Model& model, std::span<const std::int32_t> prompt,
             int planned, int end);

/// Runs new tokens of several sequences, each there once, through the model in
/// one pass. Returns the final hidden states, (all ids, hidden), in the given
/// order, not evaluated.
mlx::core::array advance_together(const Model& model,
                                  std::span<const NewTokens> tokens,
                                  TokenKind kind);

/// Sequence::evaluate for the caches of all of them.
void evaluate_together(std::vector<mlx::core::array> results,
                       std::span<const NewTokens> tokens);

/// Bytes that the caches of a sequence of `length` positions take, at most.
std::size_t cache_bytes(const ops::KvLayers& layers, int length);

}  // namespace abstractllm::models
