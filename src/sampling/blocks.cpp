// SIMD with the order of every sum written down, so that the bits are the same
// everywhere.
// SPDX-License-Identifier: Apache-2.0
#include "sampling/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "abstractllm/error.h"
#include "sampling/exponential.h"

namespace abstractllm::sampling {
namespace {

constexpr std::size_t kLanes = 4;
constexpr float kLowest = -std::numeric_limits<float>::infinity();

Floats load(const float* values) {
  Floats loaded;
  std::memcpy(&loaded, values, sizeof loaded);
  return loaded;
}

void store(float* values, Floats stored) {
  std::memcpy(values, &stored, sizeof stored);
}

float max_of(Floats values) {
  return std::max(std::max(values[0], values[1]),
                  std::max(values[2], values[3]));
}

struct BlockScan {
  float max;
  bool is_sound;  // no NaN, no plus infinity
};

BlockScan scan_block(const float* values) {
  Floats max = Floats{} + kLowest;
  auto sound = max <= max;
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    const Floats value = load(values + i);
    max = value > max ? value : max;
    sound &= value <= Floats{} + std::numeric_limits<float>::max();
  }
  return {max_of(max), (sound[0] & sound[1] & sound[2] & sound[3]) != 0};
}

[[noreturn]] void throw_unsound(std::span<const float> logits) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] <= std::numeric_limits<float>::max()) continue;
    throw GenerationError(
        fmt::format("[sampling] the model's logit of token {} is {}", i,
                    logits[i]),
        "The weights or the prompt overflow the model's number type; try "
        "another quantisation, or float32.");
  }
  throw GenerationError(
      "[sampling] no token is left to choose from",
      "The options exclude every token: look at logit_bias, min_tokens and the "
      "grammar.");
}

struct WeightedBlock {
  float max;
  double sum;
};

WeightedBlock weigh_block(const float* logits, float max, float scale,
                          float* weights) {
  Floats greatest{};
  Floats sums{};
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    const Floats weight =
        exp_single<Floats, FloatBits>((load(logits + i) - max) * scale);
    store(weights + i, weight);
    greatest = weight > greatest ? weight : greatest;
    sums += weight;
  }
  const double sum =
      (double{sums[0]} + double{sums[1]}) + (double{sums[2]} + double{sums[3]});
  return {max_of(greatest), sum};
}

double sum_exp_block(const float* logits, double max) {
  Doubles sums{};
  for (std::size_t i = 0; i < kBlock; i += 2) {
    const Doubles exponents = {double{logits[i]} - max,
                               double{logits[i + 1]} - max};
    sums += exp_double<Doubles, DoubleBits>(exponents);
  }
  return sums[0] + sums[1];
}

// Calls `visit(first, pointer to kBlock values)`; the last block is filled up
// with minus infinity.
template <typename Visit>
void for_each_block(std::span<const float> values, Visit&& visit) {
  std::size_t first = 0;
  for (; first + kBlock <= values.size(); first += kBlock) {
    visit(first, values.data() + first);
  }
  if (first == values.size()) return;
  std::array<float, kBlock> last;
  last.fill(kLowest);
  std::copy(values.begin() + static_cast<std::ptrdiff_t>(first), values.end(),
            last.begin());
  visit(first, last.data());
}

}  // namespace

Maximum scan_logits(std::span<const float> logits,
                    std::vector<float>& block_max) {
  block_max.resize(block_count(logits.size()));
  bool is_sound = true;
  float max = kLowest;
  std::size_t max_block = 0;
  for_each_block(logits, [&](std::size_t first, const float* values) {
    const BlockScan scan = scan_block(values);
    is_sound = is_sound && scan.is_sound;
    block_max[first / kBlock] = scan.max;
    if (scan.max > max) {
      max = scan.max;
      max_block = first;
    }
  });
  if (!is_sound || max == kLowest) throw_unsound(logits);
  const auto found =
      std::find(logits.begin() + static_cast<std::ptrdiff_t>(max_block),
                logits.end(), max);
  return {max, static_cast<std::int32_t>(found - logits.begin())};
}

double weigh(std::span<const float> logits, float max, float scale,
             std::vector<float>& weights, std::vector<float>& block_max,
             std::vector<double>& block_sum) {
  const std::size_t blocks = block_count(logits.size());
  weights.resize(blocks * kBlock);
  block_max.resize(blocks);
  block_sum.resize(blocks);
  double total = 0;
  for_each_block(logits, [&](std::size_t first, const float* values) {
    const WeightedBlock block =
        weigh_block(values, max, scale, weights.data() + first);
    block_max[first / kBlock] = block.max;
    block_sum[first / kBlock] = block.sum;
    total += block.sum;
  });
  weights.resize(logits.size());
  return total;
}

double weighted_exponents(std::span<const float> logits,
                          std::span<const float> weights, float max,
                          float scale) {
  double total = 0;
  for_each_block(logits, [&](std::size_t first, const float* values) {
    std::array<float, kBlock> block{};
    const std::size_t count = std::min(kBlock, weights.size() - first);
    std::memcpy(block.data(), weights.data() + first, count * sizeof(float));
    Floats sums{};
    for (std::size_t i = 0; i < kBlock; i += kLanes) {
      const Floats weight = load(block.data() + i);
      const Floats product = weight * ((load(values + i) - max) * scale);
      // 0 times minus infinity is not a number.
      sums += weight > Floats{} ? product : Floats{};
    }
    total += (double{sums[0]} + double{sums[1]}) +
             (double{sums[2]} + double{sums[3]});
  });
  return total;
}

double log_sum_exp(std::span<const float> logits, float max) {
  double total = 0;
  for_each_block(logits, [&](std::size_t, const float* values) {
    total += sum_exp_block(values, double{max});
  });
  return double{max} + std::log(total);
}

void collect_at_least(std::span<const float> values,
                      std::span<const float> block_max, float threshold,
                      std::vector<std::int32_t>& indices) {
  // Written first and counted after: in a flat distribution no branch predictor
  // can tell which values are kept.
  std::size_t count = 0;
  for (std::size_t block = 0; block < block_max.size(); ++block) {
    if (block_max[block] < threshold) continue;
    const std::size_t first = block * kBlock;
    const std::size_t end = std::min(first + kBlock, values.size());
    if (indices.size() < count + kBlock) {
      indices.resize(std::max(2 * indices.size(), count + kBlock));
    }
    for (std::size_t i = first; i < end; ++i) {
      indices[count] = static_cast<std::int32_t>(i);
      count += values[i] >= threshold ? 1 : 0;
    }
  }
  indices.resize(count);
}

std::vector<std::int32_t> greatest(std::span<const float> logits,
                                   std::span<const float> block_max,
                                   std::size_t count) {
  // The count-th greatest block maximum is a lower bound of the count-th
  // greatest logit, and few logits besides the wanted ones are above it.
  float threshold = kLowest;
  if (count < block_max.size()) {
    std::vector<float> maxima(block_max.begin(), block_max.end());
    const auto nth = maxima.begin() + static_cast<std::ptrdiff_t>(count - 1);
    std::nth_element(maxima.begin(), nth, maxima.end(), std::greater<>());
    threshold = *nth;
  }
  std::vector<std::int32_t> indices;
  collect_at_least(logits, block_max, threshold, indices);
  if (indices.size() <= count) return indices;
  const auto is_greater = [&](std::int32_t a, std::int32_t b) {
    const float x = logits[static_cast<std::size_t>(a)];
    const float y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const auto nth = indices.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(indices.begin(), nth - 1, indices.end(), is_greater);
  indices.erase(nth, indices.end());
  std::sort(indices.begin(), indices.end());
  return indices;
}

}  // namespace abstractllm::sampling
