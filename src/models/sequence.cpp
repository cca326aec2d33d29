// Token bookkeeping of sequences.
// SPDX-License-Identifier: Apache-2.0
#include "models/sequence.h"

#include <algorithm>

#include "mlx/transforms.h"

namespace abstractllm::models {

namespace mx = mlx::core;

int Sequence::reusable(std::span<const std::int32_t> prompt,
                       int planned) const {
  const int border = model_.position_border();
  if ((planned > border) != (planned_ > border)) return 0;
  const std::size_t most = std::min(ids_.size(), prompt.size() - 1);
  const auto split = std::mismatch(
      ids_.begin(), ids_.begin() + static_cast<long>(most), prompt.begin());
  const int shared = static_cast<int>(split.first - ids_.begin());
  if (shared == length()) return shared;
  const bool possible = std::all_of(
      kv_.begin(), kv_.end(),
      [&](const auto& layer) { return layer->can_truncate(shared); });
  return possible ? shared : 0;
}

int Sequence::reuse(std::span<const std::int32_t> prompt, int planned) {
  const int shared = reusable(prompt, planned);
  planned_ = planned;
  if (shared == length()) return shared;
  if (shared == 0) {
    reset();
    return 0;
  }
  for (auto& layer : kv_) layer->truncate(shared);
  ids_.resize(static_cast<std::size_t>(shared));
  return shared;
}

std::unique_ptr<Sequence> Sequence::clone() const {
  auto copy = std::make_unique<Sequence>(model_);
  for (std::size_t i = 0; i < kv_.size(); ++i) copy->kv_[i] = kv_[i]->clone();
  copy->ids_ = ids_;
  copy->planned_ = planned_;
  return copy;
}

mx::array Sequence::advance(std::span<const std::int32_t> ids) {
  const NewTokens tokens{this, ids};
  return advance_together(model_, {&tokens, 1}, TokenKind::kPrompt);
}

void Sequence::evaluate(std::vector<mx::array> results) const {
  for (const auto& layer : kv_) layer->collect_state(results);
  mx::eval(std::move(results));
}

void Sequence::reset() {
  kv_ = model_.make_cache();
  ids_.clear();
}

std::size_t Sequence::bytes() const {
  std::size_t bytes = 0;
  for (const auto& layer : kv_) bytes += layer->bytes();
  return bytes;
}

mx::array advance_together(const Model& model,
                           std::span<const NewTokens> tokens, TokenKind kind) {
  std::vector<std::int32_t> all;
  ops::Step step{.prompt_rows = kind == TokenKind::kPrompt};
  step.sequences.reserve(tokens.size());
  for (const NewTokens& part : tokens) {
    Sequence& sequence = *part.sequence;
    step.sequences.push_back({&sequence.kv_, static_cast<int>(all.size()),
                              static_cast<int>(part.ids.size()),
                              sequence.planned_});
    all.insert(all.end(), part.ids.begin(), part.ids.end());
    sequence.ids_.insert(sequence.ids_.end(), part.ids.begin(), part.ids.end());
  }
  const mx::array ids(all.data(), {static_cast<int>(all.size())}, mx::int32);
  return model.forward(model.embed(ids), step);
}

void evaluate_together(std::vector<mx::array> results,
                       std::span<const NewTokens> tokens) {
  for (const NewTokens& part : tokens) {
    for (const auto& layer : part.sequence->kv_) layer->collect_state(results);
  }
  mx::eval(std::move(results));
}

std::size_t cache_bytes(const ops::KvLayers& layers, int length) {
  std::size_t bytes = 0;
  for (const auto& layer : layers) bytes += layer->bytes_at(length);
  return bytes;
}

}  // namespace abstractllm::models
