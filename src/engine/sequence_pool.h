// Sequences of requests that are over, kept for prompts that begin alike.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/sequence.h"

namespace abstractllm::engine {

/// The beginning of a request's tokens.
struct Prefix {
  std::span<const std::int32_t> tokens;  ///< not empty
  int prompt_tokens = 0;                 ///< of them, the prompt
  int adapter = 0;                       ///< see models::Sequence
};

/// Computing this few tokens is cheaper than sharing them.
inline constexpr int kLeastShared = 16;

/// Positions at the end of a sequence that may be lost without regret: the
/// answer to a prompt that is asked again.
inline constexpr int kLeastLost = 64;

/// Positions of `sequence` that serve `prefix`.
int shared_positions(const models::Sequence& sequence, const Prefix& prefix);

/// Whether `sequence` should be copied for `prefix` rather than given to it,
/// because more would be lost than what does not matter.
bool worth_copying(const models::Sequence& sequence, int shared);

/// Engine thread only.
class SequencePool {
 public:
  /// Bytes of each, longest unused first.
  std::vector<std::size_t> bytes() const;

  struct Match {
    std::size_t index = 0;  ///< of bytes()
    int shared = 0;         ///< tokens, at least 1
  };
  /// The one that serves the longest beginning of `prefix`, if that is worth
  /// what would be lost of it.
  std::optional<Match> best_match(const Prefix& prefix) const;

  /// The sequence of a match, out of the pool or as a copy. It is not yet
  /// prepared for any prompt.
  std::unique_ptr<models::Sequence> take(const Match& match);

  /// As the one used last. Empty sequences are dropped, and the features of
  /// images, which bytes() does not count.
  void keep(std::unique_ptr<models::Sequence> sequence);

  /// Indices of bytes().
  void evict(std::span<const std::size_t> indices);

 private:
  std::vector<std::unique_ptr<models::Sequence>> kept_;
};

}  // namespace abstractllm::engine
