// Radix selection by mass: 11, 11 and 10 bits of the key.
// SPDX-License-Identifier: Apache-2.0
#include "sampling/prefix.h"

#include <array>
#include <vector>

namespace abstractllm::sampling {
namespace {

constexpr std::size_t kBuckets = 2048;

struct Item {
  std::uint32_t key;
  float weight;
  std::size_t index;
};

struct Bucket {
  std::uint32_t number = 0;
  double mass_before = 0;
};

// The masses of the buckets that a digit of the keys sorts items into.
class Histogram {
 public:
  void add(std::uint32_t bucket, float weight) {
    masses_[bucket] += weight;
    is_used_[bucket] = true;
  }
  // The bucket in which the sum, from `before` on, reaches `mass`; the last
  // one in use when rounding leaves the sum short.
  Bucket reach(double mass, double before) const {
    Bucket chosen;
    for (std::uint32_t i = 0; i < kBuckets; ++i) {
      if (!is_used_[i]) continue;
      chosen = {i, before};
      before += masses_[i];
      if (before >= mass) break;
    }
    return chosen;
  }

 private:
  std::array<double, kBuckets> masses_{};
  std::array<bool, kBuckets> is_used_{};
};

// Leaves those of `items` whose digit is the one in which `mass` is reached;
// returns the mass before them.
double narrow(std::vector<Item>& items, int shift, std::uint32_t digit_mask,
              double mass, double before) {
  Histogram histogram;
  for (const Item& item : items) {
    histogram.add(item.key >> shift & digit_mask, item.weight);
  }
  const Bucket chosen = histogram.reach(mass, before);
  std::erase_if(items, [&](const Item& item) {
    return (item.key >> shift & digit_mask) != chosen.number;
  });
  return chosen.mass_before;
}

}  // namespace

PrefixEnd shortest_prefix(std::span<const std::uint32_t> keys,
                          std::span<const float> weights, double mass) {
  constexpr int kFirstShift = 21;
  Histogram histogram;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    histogram.add(keys[i] >> kFirstShift, weights[i]);
  }
  const Bucket chosen = histogram.reach(mass, 0);
  std::vector<Item> items;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] >> kFirstShift == chosen.number) {
      items.push_back({keys[i], weights[i], i});
    }
  }
  double before = narrow(items, 10, 0x7FF, mass, chosen.mass_before);
  before = narrow(items, 0, 0x3FF, mass, before);
  for (const Item& item : items) {
    before += item.weight;
    if (before >= mass) return {item.key, item.index};
  }
  return {items.back().key, items.back().index};
}

}  // namespace abstractllm::sampling
