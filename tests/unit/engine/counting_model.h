// A model whose next token is a sum over all tokens before it: a mistake in
// any position, or a mixture of sequences, shows in the next token.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <stdexcept>
#include <vector>

#include "cache/kv_cache.h"
#include "mlx/mlx.h"
#include "models/model.h"
#include "ops/cpu_state.h"
#include "ops/host_kernel.h"

namespace abstractllm::engine::test {

using Ids = std::vector<std::int32_t>;

class CountingModel : public models::Model {
 public:
  static constexpr int kVocabulary = 97;
  static constexpr int kAnswers = 90;  // ids below this are answers
  /// A prompt with one of these makes the step throw while it is built, throw
  /// while it is computed, and its own logits be no numbers.
  static constexpr std::int32_t kThrowsEarly = 94;
  static constexpr std::int32_t kThrowsLate = 95;
  static constexpr std::int32_t kNotANumber = 96;
  static constexpr std::size_t kPositionBytes = 8;

  /// Rows of each sequence, step by step.
  mutable std::vector<std::vector<int>> steps;
  /// Whether each of them was of prompts.
  mutable std::vector<bool> prompt_steps;

  /// The token after `tokens`.
  static std::int32_t next(std::span<const std::int32_t> tokens) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      sum += tokens[i] * factor(static_cast<int>(i));
    }
    return static_cast<std::int32_t>(sum % kAnswers);
  }

  /// The answer of `count` tokens to a prompt.
  static Ids answer(Ids tokens, int count) {
    const auto prompt = static_cast<std::ptrdiff_t>(tokens.size());
    for (int i = 0; i < count; ++i) tokens.push_back(next(tokens));
    return {tokens.begin() + prompt, tokens.end()};
  }

  mlx::core::array embed(const mlx::core::array& ids) const override {
    namespace mx = mlx::core;
    std::vector<float> values;
    const auto* data = ids.data<std::int32_t>();
    bool throws = false;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (data[i] == kThrowsEarly) throw std::runtime_error("thrown early");
      throws = throws || data[i] == kThrowsLate;
      values.push_back(data[i] == kNotANumber
                           ? std::numeric_limits<float>::quiet_NaN()
                           : static_cast<float>(data[i]));
    }
    const mx::array x(values.data(), {static_cast<int>(values.size()), 1});
    if (!throws) return x;
    return ops::host_kernel(
        std::make_shared<ops::CpuState>(
            1, ops::CpuPrecision{ops::cpu::Precision::kExact,
                                 ops::cpu::Precision::kExact}),
        "Throws", x.shape(), {mx::negative(x)},
        [](auto /*inputs*/, float* /*output*/) {
          throw std::runtime_error("thrown late");
        });
  }

  mlx::core::array forward(const mlx::core::array& embeddings,
                           const ops::Step& step) const override {
    namespace mx = mlx::core;
    steps.emplace_back();
    prompt_steps.push_back(step.prompt_rows);
    std::vector<mx::array> outputs;
    for (const ops::SequenceRows& sequence : step.sequences) {
      steps.back().push_back(sequence.rows);
      const mx::array rows =
          mx::reshape(mx::slice(embeddings, {sequence.first_row, 0},
                                {sequence.first_row + sequence.rows, 1}),
                      {1, sequence.rows, 1});
      const ops::KvView view = sequence.kv->front()->append(rows, rows);
      const int stored = view.keys.shape(1);
      std::vector<float> factors;
      for (int i = 0; i < stored; ++i) {
        factors.push_back(static_cast<float>(factor(i)));
      }
      const mx::array sums = mx::cumsum(mx::reshape(view.keys, {stored}) *
                                        mx::array(factors.data(), {stored}));
      outputs.push_back(mx::slice(sums, {stored - sequence.rows}, {stored}));
    }
    return mx::expand_dims(mx::concatenate(outputs), 1);
  }

  mlx::core::array logits(const mlx::core::array& hidden) const override {
    namespace mx = mlx::core;
    const mx::array wanted =
        mx::remainder(hidden, mx::array(static_cast<float>(kAnswers)));
    const mx::array ids = mx::astype(mx::arange(kVocabulary), mx::float32);
    // Not a number stays not a number.
    return mx::astype(mx::equal(wanted, ids), mx::float32) +
           hidden * mx::array(0.0f);
  }

  /// What callers are told; it computes the same.
  models::PromptSight sight = models::PromptSight::kCausal;
  models::PromptSight prompt_sight() const override { return sight; }

  /// Makes make_cache() throw.
  bool cache_fails = false;

  ops::KvLayers make_cache() const override {
    if (cache_fails) throw std::bad_alloc();
    ops::KvLayers layers;
    layers.push_back(cache::make_full_cache(kPositionBytes));
    return layers;
  }

  int vocabulary_size() const override { return kVocabulary; }

 private:
  static int factor(int position) { return position % 7 + 1; }
};

}  // namespace abstractllm::engine::test
