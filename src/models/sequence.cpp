// Token bookkeeping of one sequence.
// SPDX-License-Identifier: Apache-2.0
#include "models/sequence.h"

#include <algorithm>

#include "mlx/transforms.h"

namespace abstractllm::models {

namespace mx = mlx::core;

int Sequence::reuse(std::span<const std::int32_t> prompt) {
  const std::size_t most = std::min(ids_.size(), prompt.size() - 1);
  const auto split = std::mismatch(
      ids_.begin(), ids_.begin() + static_cast<long>(most), prompt.begin());
  const int shared = static_cast<int>(split.first - ids_.begin());
  const int planned = static_cast<int>(prompt.size());
  const int border = model_.position_border();
  const bool same_side = (planned > border) == (planned_ > border);
  planned_ = planned;
  if (!same_side && !ids_.empty()) {
    reset();
    return 0;
  }
  if (shared == length()) return shared;
  const bool possible = std::all_of(
      kv_.begin(), kv_.end(),
      [&](const auto& layer) { return layer->can_truncate(shared); });
  if (!possible || shared == 0) {
    reset();
    return 0;
  }
  for (auto& layer : kv_) layer->truncate(shared);
  ids_.resize(static_cast<std::size_t>(shared));
  return shared;
}

mx::array Sequence::advance(std::span<const std::int32_t> ids) {
  const int rows = static_cast<int>(ids.size());
  const mx::array tokens(ids.data(), {rows}, mx::int32);
  const ops::Step step{{{&kv_, 0, rows, planned_}}};
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  return model_.forward(model_.embed(tokens), step);
}

void Sequence::evaluate(std::vector<mx::array> results) const {
  for (const auto& layer : kv_) layer->collect_state(results);
  mx::eval(std::move(results));
}

void Sequence::reset() {
  kv_ = model_.make_cache();
  ids_.clear();
}

}  // namespace abstractllm::models
