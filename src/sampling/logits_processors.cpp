// Bias, penalties and masks over one row of logits.
// SPDX-License-Identifier: Apache-2.0
#include "sampling/logits_processors.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "abstractllm/error.h"

namespace abstractllm::sampling {
namespace {

constexpr float kMasked = -std::numeric_limits<float>::infinity();
constexpr std::size_t kWordBits = 32;

void keep_allowed(std::span<float> logits, TokenMask allowed) {
  const std::size_t covered =
      std::min(logits.size(), allowed.size() * kWordBits);
  for (std::size_t first = 0; first < covered; first += kWordBits) {
    const std::uint32_t word = allowed[first / kWordBits];
    const auto block =
        logits.subspan(first, std::min(kWordBits, covered - first));
    if (word == 0) {
      std::fill(block.begin(), block.end(), kMasked);
    } else if (word != ~std::uint32_t{0}) {
      for (std::size_t i = 0; i < block.size(); ++i) {
        if (!(word >> i & 1)) block[i] = kMasked;
      }
    }
  }
  std::fill(logits.begin() + static_cast<std::ptrdiff_t>(covered), logits.end(),
            kMasked);
}

}  // namespace

LogitsProcessors::LogitsProcessors(const types::SamplingOptions& options,
                                   std::size_t vocabulary_size,
                                   std::span<const std::int32_t> end_token_ids)
    : vocabulary_size_(vocabulary_size),
      repetition_penalty_(static_cast<float>(options.repetition_penalty)),
      presence_penalty_(options.presence_penalty),
      frequency_penalty_(options.frequency_penalty),
      repetition_window_(static_cast<std::size_t>(options.repetition_window)),
      min_tokens_(static_cast<std::size_t>(options.min_tokens)) {
  for (const auto& [id, bias] : options.logit_bias) {
    if (std::cmp_less(id, 0) || std::cmp_greater_equal(id, vocabulary_size)) {
      throw InvalidParameterError(
          fmt::format("[sampling] logit_bias names token {}, but the model has "
                      "tokens 0 to {}",
                      id, vocabulary_size - 1),
          "Look the token ids of a text up with `allm tokenize`.");
    }
    if (bias != 0) {
      biases_.push_back(
          {static_cast<std::size_t>(id), static_cast<float>(bias)});
    }
  }
  const auto add_end_ids = [&](std::span<const std::int32_t> ids) {
    for (const std::int32_t id : ids) {
      if (std::cmp_greater_equal(id, 0) && std::cmp_less(id, vocabulary_size)) {
        end_ids_.push_back(static_cast<std::size_t>(id));
      }
    }
  };
  add_end_ids(end_token_ids);
  add_end_ids(options.stop_token_ids);
}

void LogitsProcessors::apply(std::span<float> logits,
                             const TokenHistory& history, TokenMask allowed) {
  for (const Bias& bias : biases_) logits[bias.id] += bias.value;
  if (repetition_penalty_ != 1) {
    const std::size_t window =
        repetition_window_ == 0
            ? history.tokens.size()
            : std::min(repetition_window_, history.tokens.size());
    penalise_repetition(logits, history.tokens.last(window));
  }
  if (presence_penalty_ != 0 || frequency_penalty_ != 0) {
    penalise_presence(logits, history.generated());
  }
  if (history.generated().size() < min_tokens_) {
    for (const std::size_t id : end_ids_) logits[id] = kMasked;
  }
  if (!allowed.empty()) keep_allowed(logits, allowed);
}

template <typename Change>
void LogitsProcessors::for_each_distinct(std::span<const std::int32_t> tokens,
                                         Change&& change) {
  counts_.resize(vocabulary_size_, 0);
  const auto is_known = [&](std::int32_t id) {
    return std::cmp_greater_equal(id, 0) && std::cmp_less(id, vocabulary_size_);
  };
  for (const std::int32_t id : tokens) {
    if (is_known(id)) ++counts_[static_cast<std::size_t>(id)];
  }
  for (const std::int32_t id : tokens) {
    if (!is_known(id)) continue;
    const auto index = static_cast<std::size_t>(id);
    const std::uint32_t count = std::exchange(counts_[index], 0);
    if (count > 0) change(index, count);
  }
}

void LogitsProcessors::penalise_repetition(
    std::span<float> logits, std::span<const std::int32_t> tokens) {
  for_each_distinct(tokens, [&](std::size_t id, std::uint32_t) {
    float& logit = logits[id];
    logit =
        logit > 0 ? logit / repetition_penalty_ : logit * repetition_penalty_;
  });
}

void LogitsProcessors::penalise_presence(
    std::span<float> logits, std::span<const std::int32_t> generated) {
  for_each_distinct(generated, [&](std::size_t id, std::uint32_t count) {
    logits[id] -=
        static_cast<float>(presence_penalty_ + frequency_penalty_ * count);
  });
}

}  // namespace abstractllm::sampling
