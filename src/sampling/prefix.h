// The shortest prefix of a weighted order, found without sorting.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace abstractllm::sampling {

/// Where a prefix ends: it has the items with a lower key, and of those with
/// the same key the ones up to `index`.
struct PrefixEnd {
  std::uint32_t key = 0;
  std::size_t index = 0;
  bool contains(std::uint32_t item_key, std::size_t item_index) const {
    // Without branches: nothing predicts the outcome.
    return (item_key < key) | ((item_key == key) & (item_index <= index));
  }
};

/// Items are ordered by key, then index; returns the end of the shortest
/// prefix whose weights sum up to at least `mass`, or of all if none does.
/// Linear: a radix selection. REQUIRES: as many keys as
/// weights, at least one; no weight negative.
PrefixEnd shortest_prefix(std::span<const std::uint32_t> keys,
                          std::span<const float> weights, double mass);

/// Keys that order numbers >= 0, plus infinity included.
inline std::uint32_t ascending_key(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline std::uint32_t descending_key(float value) {
  return ~std::bit_cast<std::uint32_t>(value);
}

}  // namespace abstractllm::sampling
