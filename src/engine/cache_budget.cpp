// Bytes of caches from bytes of memory.
// SPDX-License-Identifier: Apache-2.0
#include "engine/cache_budget.h"

#include <algorithm>

#include "base/available_memory.h"
#include "models/sequence.h"

namespace abstractllm::engine {

namespace {

// Less is not worth being careful about.
constexpr std::uint64_t kLeast = std::uint64_t{64} << 20;

}  // namespace

std::size_t cache_budget(std::uint64_t wanted) {
  if (wanted > 0) return static_cast<std::size_t>(wanted);
  return static_cast<std::size_t>(
      std::max(kLeast, base::available_memory() / 2));
}

int positions_in(std::size_t bytes, const models::Model& model,
                 int context_length) {
  const ops::KvLayers layers = model.make_cache();
  // Sizes grow with the length: the last one that fits lies in [least, most].
  int least = 0;
  int most = context_length;
  while (least < most) {
    const int middle = most - (most - least) / 2;
    if (models::cache_bytes(layers, middle) <= bytes) {
      least = middle;
    } else {
      most = middle - 1;
    }
  }
  return least;
}

}  // namespace abstractllm::engine
