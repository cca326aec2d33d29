// One pass over a row of logits or weights, summed up block by block.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace abstractllm::sampling {

/// Small enough that most blocks of a vocabulary can be passed over by their
/// maximum, large enough that there are few maxima.
inline constexpr std::size_t kBlock = 64;

inline std::size_t block_count(std::size_t size) {
  return (size + kBlock - 1) / kBlock;
}

/// The greatest of `logits` and its lowest index; the maximum of each block
/// goes into `block_max`. Throws GenerationError if one is NaN or plus
/// infinity, or all are minus infinity. REQUIRES: `logits` is not empty.
struct Maximum {
  float value = 0;
  std::int32_t index = 0;
};
Maximum scan_logits(std::span<const float> logits,
                    std::vector<float>& block_max);

/// weights[i] = e^((logits[i] - max) * scale). The maximum and the sum of each
/// block go into `block_max` and `block_sum`; returns the sum of all.
double weigh(std::span<const float> logits, float max, float scale,
             std::vector<float>& weights, std::vector<float>& block_max,
             std::vector<double>& block_sum);

/// Sum of weights[i] * (logits[i] - max) * scale over the weights above 0.
/// `weights` as weigh left them.
double weighted_exponents(std::span<const float> logits,
                          std::span<const float> weights, float max,
                          float scale);

/// ln of the sum of e^logits, in double. `max` is their maximum.
double log_sum_exp(std::span<const float> logits, float max);

/// Indices of the values that are at least `threshold`, ascending.
void collect_at_least(std::span<const float> values,
                      std::span<const float> block_max, float threshold,
                      std::vector<std::int32_t>& indices);

/// Indices of the `count` greatest of `logits`, ascending; of equal logits the
/// lower indices. `block_max` as scan_logits left it. REQUIRES: count >= 1.
std::vector<std::int32_t> greatest(std::span<const float> logits,
                                   std::span<const float> block_max,
                                   std::size_t count);

}  // namespace abstractllm::sampling
