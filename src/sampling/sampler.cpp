// Shortlists by block maxima, selection by mass, one draw.
// SPDX-License-Identifier: Apache-2.0
#include "sampling/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "abstractllm/error.h"
#include "sampling/blocks.h"
#include "sampling/exponential.h"
#include "sampling/philox.h"
#include "sampling/prefix.h"

namespace abstractllm::sampling {
namespace {

// A shortlist's threshold only has to be low enough; this covers the rounding
// of the sums that it is computed from.
constexpr float kThresholdMargin = 0.9999F;

// Finite, so that (max - max) * scale is 0 at the smallest temperatures too.
float inverse_temperature(double temperature) {
  return static_cast<float>(std::min(
      1 / temperature, static_cast<double>(std::numeric_limits<float>::max())));
}

}  // namespace

Sampler::Sampler(const types::SamplingOptions& options,
                 std::size_t vocabulary_size,
                 std::span<const std::int32_t> end_token_ids)
    : options_(options),
      vocabulary_size_(vocabulary_size),
      scale_(options.temperature > 0 ? inverse_temperature(options.temperature)
                                     : 0),
      processors_(options, vocabulary_size, end_token_ids) {}

TokenChoice Sampler::sample(std::span<float> logits,
                            const TokenHistory& history, TokenMask allowed) {
  if (logits.size() != vocabulary_size_ || logits.empty()) {
    throw InternalError(fmt::format("[sampling] {} logits for {} tokens",
                                    logits.size(), vocabulary_size_));
  }
  if (options_.logprobs) raw_.assign(logits.begin(), logits.end());
  processors_.apply(logits, history, allowed);
  const Maximum best = scan_logits(logits, block_max_);
  TokenChoice choice{best.index, std::nullopt, {}};
  if (options_.temperature > 0) {
    max_ = best.value;
    narrow(logits);
    const double share = uniform(options_.seed, history.generated().size());
    choice.id =
        has_shortlist_ ? draw_from_shortlist(share) : draw_from_all(share);
  }
  if (options_.logprobs) add_logprobs(choice);
  return choice;
}

void Sampler::narrow(std::span<const float> logits) {
  has_shortlist_ = false;
  const auto top_k = static_cast<std::size_t>(options_.top_k);
  if (top_k > 0 && top_k < logits.size()) {
    keep_greatest(logits, top_k);
  } else {
    total_ = weigh(logits, max_, scale_, weights_, block_max_, block_sum_);
  }
  if (options_.top_p < 1) keep_nucleus();
  if (options_.min_p > 0) keep_probable();
  if (options_.typical_p < 1) keep_typical(logits);
}

void Sampler::keep_greatest(std::span<const float> logits, std::size_t count) {
  ids_ = greatest(logits, block_max_, count);
  shortlist_.resize(ids_.size());
  std::transform(
      ids_.begin(), ids_.end(), shortlist_.begin(), [&](std::int32_t id) {
        return exp_single<float, std::uint32_t>(exponent(logits, id));
      });
  has_shortlist_ = true;
}

void Sampler::keep_nucleus() {
  const double total = total_weight();
  if (!has_shortlist_) {
    // All tokens below this weight together have less than 1 - top_p.
    start_shortlist(static_cast<float>((1 - options_.top_p) * total /
                                       static_cast<double>(weights_.size())));
  }
  keys_.resize(shortlist_.size());
  std::transform(shortlist_.begin(), shortlist_.end(), keys_.begin(),
                 descending_key);
  keep_prefix(options_.top_p * total);
}

void Sampler::keep_probable() {
  // The best token is still there, and its weight is e^0.
  const auto least = static_cast<float>(options_.min_p);
  if (!has_shortlist_) return start_shortlist(least);
  keep_if([&](std::size_t i) { return shortlist_[i] >= least; });
}

void Sampler::keep_typical(std::span<const float> logits) {
  // With exponents z and their mean m, -ln(p) - entropy is m - z.
  const double total = total_weight();
  double weighted = 0;
  if (!has_shortlist_) {
    weighted = weighted_exponents(logits, weights_, max_, scale_);
  }
  for (std::size_t i = 0; has_shortlist_ && i < ids_.size(); ++i) {
    if (shortlist_[i] <= 0) continue;
    weighted += double{shortlist_[i]} * double{exponent(logits, ids_[i])};
  }
  const auto mean = static_cast<float>(weighted / total);
  if (!has_shortlist_) {
    // Tokens of lower weight than `tail` together have less than
    // 1 - typical_p; no exponent is above 0, so all that is nearer to the
    // mean than the tail or 0 is has an exponent above this one.
    const double tail =
        (1 - options_.typical_p) * total / static_cast<double>(weights_.size());
    start_shortlist(exp_single<float, std::uint32_t>(
        std::min(static_cast<float>(std::log(tail)), 2 * mean)));
  }
  keys_.resize(ids_.size());
  std::transform(ids_.begin(), ids_.end(), keys_.begin(), [&](std::int32_t id) {
    return ascending_key(std::abs(exponent(logits, id) - mean));
  });
  keep_prefix(options_.typical_p * total);
}

void Sampler::start_shortlist(float least_weight) {
  collect_at_least(weights_, block_max_, least_weight * kThresholdMargin, ids_);
  shortlist_.resize(ids_.size());
  std::transform(
      ids_.begin(), ids_.end(), shortlist_.begin(),
      [&](std::int32_t id) { return weights_[static_cast<std::size_t>(id)]; });
  has_shortlist_ = true;
}

void Sampler::keep_prefix(double mass) {
  const PrefixEnd end = shortest_prefix(keys_, shortlist_, mass);
  keep_if([&](std::size_t i) { return end.contains(keys_[i], i); });
}

template <typename Keep>
void Sampler::keep_if(Keep&& keep) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    // Written first and counted after, as the outcome is unpredictable.
    ids_[kept] = ids_[i];
    shortlist_[kept] = shortlist_[i];
    kept += keep(i) ? 1 : 0;
  }
  ids_.resize(kept);
  shortlist_.resize(kept);
}

float Sampler::exponent(std::span<const float> logits, std::int32_t id) const {
  return (logits[static_cast<std::size_t>(id)] - max_) * scale_;
}

double Sampler::total_weight() const {
  if (!has_shortlist_) return total_;
  double total = 0;
  for (const float weight : shortlist_) total += weight;
  return total;
}

std::int32_t Sampler::draw_from_all(double share) const {
  const double target = share * total_;
  double before = 0;
  // Rounding may leave the target in no block or no token; then it is the last
  // one that has any weight.
  std::size_t block = 0;
  double before_block = 0;
  for (std::size_t i = 0; i < block_sum_.size(); ++i) {
    if (block_sum_[i] <= 0) continue;
    block = i;
    before_block = before;
    before += block_sum_[i];
    if (before > target) break;
  }
  const std::size_t end = std::min((block + 1) * kBlock, weights_.size());
  std::size_t chosen = 0;
  before = before_block;
  for (std::size_t i = block * kBlock; i < end; ++i) {
    if (weights_[i] <= 0) continue;
    chosen = i;
    before += weights_[i];
    if (before > target) break;
  }
  return static_cast<std::int32_t>(chosen);
}

std::int32_t Sampler::draw_from_shortlist(double share) const {
  const double target = share * total_weight();
  std::int32_t chosen = ids_.front();
  double before = 0;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (shortlist_[i] <= 0) continue;
    chosen = ids_[i];
    before += shortlist_[i];
    if (before > target) break;
  }
  return chosen;
}

void Sampler::add_logprobs(TokenChoice& choice) {
  const Maximum best = scan_logits(raw_, block_max_);
  const double normaliser = log_sum_exp(raw_, best.value);
  const auto logprob = [&](std::int32_t id) {
    return double{raw_[static_cast<std::size_t>(id)]} - normaliser;
  };
  choice.logprob = logprob(choice.id);
  if (options_.top_logprobs == 0) return;
  const auto count = static_cast<std::size_t>(options_.top_logprobs);
  for (const std::int32_t id : greatest(raw_, block_max_, count)) {
    if (std::isfinite(logprob(id))) choice.top.push_back({id, logprob(id)});
  }
  std::stable_sort(choice.top.begin(), choice.top.end(),
                   [](const ScoredToken& a, const ScoredToken& b) {
                     return a.logprob > b.logprob;
                   });
}

}  // namespace abstractllm::sampling
