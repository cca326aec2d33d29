// Prefix matching, and the order of use.
// SPDX-License-Identifier: Apache-2.0
#include "engine/sequence_pool.h"

#include <algorithm>
#include <utility>

namespace abstractllm::engine {

int shared_positions(const models::Sequence& sequence, const Prefix& prefix) {
  if (sequence.adapter() != prefix.adapter) return 0;
  return sequence.reusable(prefix.tokens, prefix.prompt_tokens);
}

bool worth_copying(const models::Sequence& sequence, int shared) {
  return shared >= kLeastShared && sequence.length() - shared > kLeastLost;
}

std::vector<std::size_t> SequencePool::bytes() const {
  std::vector<std::size_t> bytes;
  bytes.reserve(kept_.size());
  for (const auto& sequence : kept_) bytes.push_back(sequence->bytes());
  return bytes;
}

std::optional<SequencePool::Match> SequencePool::best_match(
    const Prefix& prefix) const {
  Match best;
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    const int shared = shared_positions(*kept_[i], prefix);
    // Of equal ones, the one that loses least, then the one used last.
    const bool better = shared > best.shared ||
                        (shared > 0 && shared == best.shared &&
                         kept_[i]->length() <= kept_[best.index]->length());
    if (better) best = {i, shared};
  }
  if (best.shared == 0) return std::nullopt;
  const int lost = kept_[best.index]->length() - best.shared;
  if (best.shared < kLeastShared && lost > kLeastLost) return std::nullopt;
  return best;
}

std::unique_ptr<models::Sequence> SequencePool::take(const Match& match) {
  const auto place = kept_.begin() + static_cast<std::ptrdiff_t>(match.index);
  if (worth_copying(**place, match.shared)) {
    // Used now, so it goes to the end of the line.
    std::rotate(place, place + 1, kept_.end());
    return kept_.back()->clone();
  }
  std::unique_ptr<models::Sequence> sequence = std::move(*place);
  kept_.erase(place);
  return sequence;
}

void SequencePool::keep(std::unique_ptr<models::Sequence> sequence) {
  if (!sequence || sequence->length() == 0) return;
  sequence->forget_images();
  kept_.push_back(std::move(sequence));
}

void SequencePool::evict(std::span<const std::size_t> indices) {
  for (const std::size_t index : indices) kept_[index].reset();
  std::erase(kept_, nullptr);
}

}  // namespace abstractllm::engine
